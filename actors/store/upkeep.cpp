#include "actors/store/commands.hpp"
#include "actors/store/cost_sums.hpp"
#include "actors/store/delivery_table.hpp"
#include "actors/store/event_data.hpp"
#include "actors/store/event_log.hpp"
#include "actors/store/idempotency_table.hpp"
#include "actors/store/input_table.hpp"
#include "actors/store/limit_table.hpp"
#include "actors/store/refusals.hpp"
#include "actors/store/retention.hpp"
#include "actors/support/log.hpp"

// Limits, events that change nothing else, and what is thrown away.

namespace tunerd::sql {

namespace {

constexpr logger log{"simpletuner.cloud.queue"};

constexpr int32_t slots_max = 1'000'000;
constexpr size_t event_type_max = 64;
constexpr size_t event_data_max = 256 * 1024;
constexpr auto events_kept = std::chrono::days{7};
/// Rows of a kind removed at once: keeps the commit short.
constexpr int64_t removed_max = 1'000;
/// A job is dozens of rows and index entries.
constexpr int64_t retired_max = 200;
constexpr int64_t deliveries_max = 100'000;

/// @returns whether `value` is absent or in [low, high].
bool in_range(const caf::optional<int32_t>& value, int32_t low, int32_t high) {
  return !value || (*value >= low && *value <= high);
}

/// @returns what is wrong with `x`, or none.
caf::error check(const set_limits& x) {
  if (x.who.level != caller_level::admin)
    return make_error(ec::permission_denied, "limits are set by admins");
  if (!in_range(x.max_concurrent, 1, slots_max))
    return invalid("max_concurrent: want 1 to 1000000");
  if (!in_range(x.user_max_concurrent, 1, slots_max))
    return invalid("user_max_concurrent: want 1 to 1000000");
  if (!in_range(x.team_max_concurrent, 1, slots_max))
    return invalid("team_max_concurrent: want 1 to 1000000");
  if (!in_range(x.org_max_concurrent, 0, slots_max))
    return invalid("org_max_concurrent: want 0 to 1000000");
  if (!in_range(x.provider_max_concurrent, 0, slots_max))
    return invalid("provider_max_concurrent: want 0 to 1000000");
  if (!in_range(x.local_gpu_max_concurrent, 0, slots_max))
    return invalid("local_gpu_max_concurrent: want 0 to 1000000");
  if (!in_range(x.local_job_max_concurrent, 1, 10))
    return invalid("local_job_max_concurrent: want 1 to 10");
  return {};
}

std::function<void()> limits_line(const context& ctx, const queue_limits& x) {
  return [ctx, x] {
    log_context scope{ctx};
    log.info("Updated concurrency limits: global={}, per_user={}, "
             "per_team={}, fair_share={}",
             x.max_concurrent, x.user_max_concurrent, x.team_max_concurrent,
             x.enable_fair_share);
  };
}

} // namespace

caf::expected<limits_in_force> run(transaction& tx, const set_limits& command) {
  if (auto err = check(command))
    return err;
  limit_table limits{tx.db};
  limits.store(command);
  const auto now_in_force = limits.load(tx.limits_from_file);
  tx.append(limits_event(command.ctx, tx.now));
  tx.audit(command.ctx, command.who, "limits.set", {}, {},
           limit_table::summary(command));
  tx.told.lines.push_back(limits_line(command.ctx, now_in_force));
  return limits_in_force{command.ctx, now_in_force};
}

caf::expected<event_appended> run(transaction& tx,
                                  const append_event& command) {
  auto x = command.subject;
  if (x.type.empty() || x.type.size() > event_type_max)
    return invalid("event type: want 1 to 64 characters");
  if (x.data.size() > event_data_max)
    return invalid("event data: want at most 256 KiB");
  x.time = tx.now;
  if (x.correlation_id.empty())
    x.correlation_id = command.ctx.correlation_id;
  return event_appended{command.ctx, tx.append(x)};
}

void clean_up(connection& db, timestamp now, const config::retention& kept) {
  event_log{db}.prune(now - events_kept, removed_max);
  input_table{db}.prune(now, removed_max);
  idempotency_table{db}.prune(now, removed_max);
  delivery_table{db}.prune(now, removed_max, deliveries_max);
  prune_costs(db, now);
  retire(db, now, kept, retired_max);
}

} // namespace tunerd::sql
