#include "actors/store/admission.hpp"
#include "actors/store/approval_table.hpp"
#include "actors/store/attempt_table.hpp"
#include "actors/store/commands.hpp"
#include "actors/store/event_data.hpp"
#include "actors/store/idempotency_table.hpp"
#include "actors/store/input_table.hpp"
#include "actors/store/job_table.hpp"
#include "actors/store/refusals.hpp"
#include "actors/support/log.hpp"
#include "config/run_time.hpp"

// How jobs come and go.

namespace tunerd::sql {

namespace {

constexpr logger log{"simpletuner.cloud.queue"};

constexpr auto key_lifetime = std::chrono::hours{24};
constexpr size_t key_size_max = 256;
/// 10^9 USD.
constexpr int64_t estimate_max = 1'000'000'000'000'000;
constexpr caf::timespan deadline_min = std::chrono::seconds{1};
constexpr caf::timespan deadline_max = std::chrono::hours{24 * 365};

/// @returns what is wrong with `command`, or none.
caf::error check(const submit_job& command) {
  const auto& x = command.subject;
  if (x.id.empty() || x.provider.empty())
    return invalid("job_id and provider must not be empty");
  if (command.idempotency_key.size() > key_size_max)
    return invalid("idempotency_key: want at most 256 characters");
  if (const auto base = base_priority(x); base < 0 || base > 50)
    return invalid("priority: want 0 to 50");
  if (x.max_attempts < 1)
    return invalid("max_attempts: want at least 1");
  if (const auto& cost = x.estimated_cost_micros;
      cost && (*cost < 0 || *cost > estimate_max))
    return invalid("estimated_cost: want 0 to 1000000000");
  if (const auto& span = command.approval_deadline;
      span && (*span < deadline_min || *span > deadline_max))
    return invalid("approval_deadline_seconds: want 1 to 31536000");
  if (const auto span = command.input.max_runtime;
      span < caf::timespan{0} || span > config::run_time_max)
    return invalid("max_runtime_minutes: want 1 to "
                   + std::to_string(config::run_time_max.count()));
  return {};
}

/// @returns `x` as a job begins, whatever the caller filled in.
job as_new(const job& x, const context& ctx, timestamp now) {
  auto result = x;
  result.status = job_status::pending;
  result.queue = queue_status::pending;
  result.approval_id = 0;
  result.created_at = now;
  result.queued_at = now;
  result.started_at = caf::none;
  result.completed_at = caf::none;
  result.attempts_used = 0;
  result.external_id.clear();
  if (result.correlation_id.empty())
    result.correlation_id = ctx.correlation_id;
  return result;
}

/// @returns the job that a known key stands for.
caf::expected<job_submitted>
answer_again(transaction& tx, const submit_job& command,
             const idempotency_table::entry& known) {
  if (known.request_hash != command.request_hash)
    return make_error(ec::conflict,
                      "the idempotency key was used for another request");
  auto found = job_table{tx.db}.find(known.job_id);
  if (!found) // to run it again needs a new key
    return make_error(ec::conflict, "job " + known.job_id
                                      + " of this idempotency key is deleted");
  return job_submitted{command.ctx, std::move(*found), true};
}

/// Stores `x` as it was admitted, its row and request set.
void store(transaction& tx, job& x, const admission& admitted) {
  job_table jobs{tx.db};
  x.row = jobs.insert(x);
  if (admitted.needed)
    x.approval_id = approval_table{tx.db}.insert(*admitted.needed);
  if (x.approval_id != 0 || admitted.reserved_micros != 0)
    jobs.set_terms(x.id, x.approval_id, admitted.reserved_micros);
}

/// Appends the events of a new job. @returns the id of the first one.
int64_t announce(transaction& tx, const job& x, const admission& admitted) {
  const auto result
    = tx.append(status_event(x, caf::none, change_source::api, tx.now));
  if (admitted.needed) {
    auto request = *admitted.needed;
    request.id = x.approval_id;
    tx.append(required_event(request, tx.now));
  }
  return result;
}

bool may_delete(const caller& who, const job& x) {
  return who.level == caller_level::admin
         || (who.level >= caller_level::researcher && who.user_id == x.user_id);
}

} // namespace

caf::expected<job_submitted> run(transaction& tx, const submit_job& command) {
  const auto& key = command.idempotency_key;
  const auto& user = command.subject.user_id;
  idempotency_table keys{tx.db};
  // First of all: who cannot prepare the job now may ask for it all the same.
  if (!key.empty())
    if (auto known = keys.find(user, key, tx.now))
      return answer_again(tx, command, *known);
  if (auto err = check(command))
    return err;
  if (auto other = job_table{tx.db}.find(command.subject.id))
    return conflict(*other, "exists already");
  const auto admitted = admit(tx, command);
  if (!admitted)
    return admitted.error();
  auto accepted = as_new(command.subject, command.ctx, tx.now);
  accepted.estimated_cost_micros = admitted->estimate_micros;
  if (admitted->needed)
    accepted.queue = queue_status::blocked;
  store(tx, accepted, *admitted);
  input_table{tx.db}.insert(accepted.id, command.input);
  if (!key.empty())
    keys.insert(user, key, {command.request_hash, accepted.id},
                tx.now + key_lifetime);
  const auto event_id = announce(tx, accepted, *admitted);
  tx.audit(command.ctx, command.who, "job.submit", accepted.id,
           accepted.org_id);
  return job_submitted{command.ctx, std::move(accepted), false, event_id,
                       admitted->cost_limit_warning};
}

caf::expected<job_found> run(transaction& tx, const end_job& command) {
  if (command.status != job_status::cancelled
      && command.status != job_status::failed)
    return invalid("status: want cancelled or failed");
  const auto before = job_table{tx.db}.find(command.job_id);
  if (!before)
    return no_such_job(command.job_id);
  if (is_terminal(before->status))
    return conflict(*before, "is over already");
  if (!before->external_id.empty())
    return conflict(*before, "is at the provider");
  auto after = with_end(*before, command.status, command.reason, tx.now);
  const auto source = command.status == job_status::cancelled
                        ? change_source::api
                        : change_source::scheduler;
  if (!tx.save(*before, after, source, true))
    return conflict(*before, "cannot end");
  if (!command.who.user_id.empty())
    tx.audit(command.ctx, command.who,
             command.status == job_status::cancelled ? "job.cancel"
                                                     : "job.fail",
             after.id, after.org_id, command.reason);
  if (after.queue == queue_status::cancelled)
    tx.told.lines.push_back([ctx = context_of(after), id = after.id] {
      log_context scope{ctx};
      log.info("Cancelled queued job {}", id);
    });
  return job_found{command.ctx, std::move(after)};
}

caf::expected<job_found> run(transaction& tx, const delete_job& command) {
  job_table jobs{tx.db};
  auto found = jobs.find(command.job_id);
  if (!found)
    return no_such_job(command.job_id);
  if (!may_delete(command.who, *found))
    return not_allowed(command.job_id);
  if (!is_terminal(found->status))
    return conflict(*found, "is not over");
  if (attempt_table{tx.db}.find_open(found->id))
    return conflict(*found, "has an open attempt");
  if (attempt_table{tx.db}.is_watched(found->id))
    return conflict(*found, "has an attempt that may still arrive");
  jobs.erase(found->id);
  tx.append(queue_event(*found, tx.now));
  tx.audit(command.ctx, command.who, "job.delete", found->id, found->org_id);
  return job_found{command.ctx, std::move(*found)};
}

} // namespace tunerd::sql
