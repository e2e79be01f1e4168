#include "actors/store/progress.hpp"

#include "actors/store/attempt_table.hpp"
#include "actors/store/commands.hpp"
#include "actors/store/job_table.hpp"
#include "actors/store/log_table.hpp"
#include "actors/store/refusals.hpp"

// What the provider says about a job, or that it does not know it.

namespace tunerd::sql {

namespace {

constexpr int64_t missing_max = 3;
constexpr auto missing_for = std::chrono::minutes{10};
constexpr const char* missing_text = "job no longer known to the provider";

/// @returns the job `id` if the provider can say something about it.
caf::expected<job> find_submitted(transaction& tx, const std::string& id) {
  auto found = job_table{tx.db}.find(id);
  if (!found)
    return no_such_job(id);
  if (found->external_id.empty())
    return conflict(*found, "is not at the provider");
  return std::move(*found);
}

bool same(const job& a, const job& b) {
  return a.status == b.status && a.queue == b.queue
         && a.started_at == b.started_at && a.completed_at == b.completed_at
         && a.cost_micros == b.cost_micros && a.output_url == b.output_url
         && a.error_message == b.error_message;
}

/// @returns the job as it is after `after` was written over it.
caf::expected<status_applied> apply(transaction& tx, const context& ctx,
                                    const job& before, const job& after,
                                    change_source source) {
  const auto changed = before.status != after.status;
  if (same(before, after))
    return status_applied{ctx, before, false};
  if (!tx.save(before, after, source, before.queue != after.queue))
    return conflict(before, "cannot become " + to_string(after.status));
  return status_applied{ctx, after, changed};
}

/// The provider says that it no longer runs what we still had to cancel there:
/// the attempt is closed. @returns the job with its slot freed.
job with_slot_freed(transaction& tx, const job& x) {
  attempt_table attempts{tx.db};
  const auto open = attempts.find_open(x.id);
  if (!open || open->state != attempt_state::accepted)
    return x;
  auto closed = with_closed_attempt(x, *open, tx.now);
  attempts.update(*open, closed.submission);
  return closed.subject;
}

} // namespace

caf::expected<status_applied> apply_seen(transaction& tx, const context& ctx,
                                         const job& before,
                                         const provider_job& seen,
                                         change_source source) {
  job_table jobs{tx.db};
  if (jobs.find_missing(before.id).count > 0)
    jobs.set_missing(before.id, caf::none, 0);
  auto after = with_status(before, seen, tx.now);
  if (seen.status && is_terminal(*seen.status))
    after = with_slot_freed(tx, after);
  if (is_terminal(after.status))
    log_table{tx.db}.store(after.id, seen.logs);
  return apply(tx, ctx, before, after, source);
}

caf::expected<status_applied> run(transaction& tx,
                                  const apply_status& command) {
  const auto before = find_submitted(tx, command.job_id);
  if (!before)
    return before.error();
  const auto& seen = command.seen;
  if (!seen.external_id.empty() && seen.external_id != before->external_id)
    return conflict(*before, "is " + before->external_id
                               + " at the provider, not " + seen.external_id);
  return apply_seen(tx, command.ctx, *before, seen, command.source);
}

caf::expected<status_applied> run(transaction& tx,
                                  const report_missing_job& command) {
  const auto before = find_submitted(tx, command.job_id);
  if (!before)
    return before.error();
  if (is_terminal(before->status))
    return status_applied{command.ctx, *before, false};
  job_table jobs{tx.db};
  auto missing = jobs.find_missing(before->id);
  if (!missing.since)
    missing.since = tx.now;
  jobs.set_missing(before->id, missing.since, ++missing.count);
  if (missing.count < missing_max || tx.now - *missing.since < missing_for)
    return status_applied{command.ctx, *before, false};
  const auto after
    = with_end(*before, job_status::failed, missing_text, tx.now);
  return apply(tx, command.ctx, *before, after, change_source::poll);
}

} // namespace tunerd::sql
