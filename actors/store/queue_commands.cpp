#include "actors/store/commands.hpp"
#include "actors/store/job_table.hpp"
#include "actors/store/queue_table.hpp"
#include "actors/store/refusals.hpp"
#include "actors/support/log.hpp"

// What people do with the queue.

namespace tunerd::sql {

namespace {

constexpr logger log{"simpletuner.cloud.queue"};

constexpr int32_t priority_max = 50;
constexpr int32_t days_max = 365;
/// Bounds the commit; what is left goes with the next command.
constexpr int64_t unlisted_max = 100'000;

bool may_cancel(const caller& who, const job& x) {
  return who.level == caller_level::admin
         || (who.level >= caller_level::researcher && who.user_id == x.user_id);
}

bool may_reorder(const caller& who, const job& x) {
  return who.level >= caller_level::lead && may_see(who, x.user_id, x.org_id);
}

std::string priority_text(const caf::optional<int32_t>& priority) {
  return priority ? std::to_string(*priority) : "none";
}

/// @returns what keeps `who` from setting the priority of `x`, or none.
caf::error check(const set_priority& command, const job& x) {
  if (!may_reorder(command.who, x))
    return not_allowed(x.id);
  const auto& wanted = command.priority;
  if (wanted && (*wanted < 0 || *wanted > priority_max)) {
    log.warning("Invalid priority_override {} (must be 0-50)", *wanted);
    return invalid("priority: want 0 to 50");
  }
  if (x.queue != queue_status::pending && x.queue != queue_status::ready
      && x.queue != queue_status::blocked)
    return conflict(x, "does not wait any more");
  return {};
}

} // namespace

caf::expected<job_found> run(transaction& tx,
                             const cancel_queued_job& command) {
  const auto before = job_table{tx.db}.find(command.job_id);
  if (!before)
    return no_such_job(command.job_id);
  if (!may_cancel(command.who, *before))
    return not_allowed(before->id);
  log_context scope{context_of(*before)};
  if (holds_slot(before->queue))
    log.warning("Cannot cancel running job {} via queue", before->id);
  if (before->queue != queue_status::pending
      && before->queue != queue_status::blocked)
    return conflict(*before, "does not wait any more");
  auto after = with_end(*before, job_status::cancelled, {}, tx.now);
  if (!tx.save(*before, after, change_source::api, true))
    return conflict(*before, "cannot be cancelled");
  tx.audit(command.ctx, command.who, "job.cancel", after.id, after.org_id);
  tx.told.lines.push_back([ctx = context_of(after), id = after.id] {
    log_context line_scope{ctx};
    log.info("Cancelled queued job {}", id);
  });
  return job_found{command.ctx, std::move(after)};
}

caf::expected<priority_set> run(transaction& tx, const set_priority& command) {
  auto before = job_table{tx.db}.find(command.job_id);
  if (!before)
    return no_such_job(command.job_id);
  log_context scope{context_of(*before)};
  if (auto err = check(command, *before))
    return err;
  auto after = *before;
  after.priority_override = command.priority;
  if (!tx.save(*before, after, change_source::api, true))
    return conflict(*before, "cannot be moved");
  tx.audit(command.ctx, command.who, "job.priority", after.id, after.org_id,
           priority_text(before->priority_override) + " to "
             + priority_text(after.priority_override));
  return priority_set{command.ctx, std::move(*before), std::move(after)};
}

caf::expected<queue_cleaned> run(transaction& tx, const clean_queue& command) {
  if (command.who.level != caller_level::admin)
    return make_error(ec::permission_denied, "the queue is cleaned by admins");
  if (command.days < 1 || command.days > days_max)
    return invalid("days: want 1 to 365");
  const auto count = queue_table{tx.db}.unlist(
    tx.now - std::chrono::days{command.days}, unlisted_max);
  tx.audit(command.ctx, command.who, "queue.clean", {}, {},
           std::to_string(count) + " entries older than "
             + std::to_string(command.days) + " days");
  return queue_cleaned{command.ctx, count};
}

} // namespace tunerd::sql
