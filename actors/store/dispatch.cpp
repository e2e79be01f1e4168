#include "actors/store/attempt_table.hpp"
#include "actors/store/commands.hpp"
#include "actors/store/delivery_table.hpp"
#include "actors/store/event_data.hpp"
#include "actors/store/input_table.hpp"
#include "actors/store/job_table.hpp"
#include "actors/store/limit_table.hpp"
#include "actors/store/log_table.hpp"
#include "actors/store/refusals.hpp"
#include "actors/store/slots.hpp"

// The dispatch protocol (DESIGN 5): claim -> record -> close, and the watch
// over what may arrive late. This file decides whether money is spent twice or
// past a limit.

namespace tunerd::sql {

namespace {

/// @returns whether `x` waits for a slot and nothing of it can run anywhere.
bool is_claimable(transaction& tx, const job& x) {
  return x.queue == queue_status::pending && !is_terminal(x.status)
         && x.external_id.empty() && x.not_before <= tx.now
         && !attempt_table{tx.db}.find_open(x.id);
}

claimed_job claim(transaction& tx, const job& before, provider_input input) {
  auto after = before;
  after.queue = queue_status::ready;
  if (!tx.save(before, after, change_source::scheduler, true))
    throw std::logic_error("job " + before.id + " changed during its claim");
  const auto id = attempt_table{tx.db}.open(after, input, tx.now);
  return {std::move(after), id, std::move(input)};
}

bool is_open(const attempt& x) {
  return !x.closed_at;
}

/// Writes both, with one event. @returns an error if they have changed.
caf::error save(transaction& tx, const dispatched& before,
                const dispatched& after) {
  if (!tx.save(before.subject, after.subject, change_source::scheduler, true))
    return conflict(before.subject, "cannot be moved");
  if (!attempt_table{tx.db}.update(before.submission, after.submission))
    return conflict(before.subject, "has no such open attempt");
  return {};
}

/// @returns the job and its attempt `attempt_id`.
caf::expected<dispatched> find_both(transaction& tx, const std::string& job_id,
                                    int64_t attempt_id) {
  auto subject = job_table{tx.db}.find(job_id);
  if (!subject)
    return no_such_job(job_id);
  auto submission = attempt_table{tx.db}.find(job_id, attempt_id);
  if (!submission)
    return conflict(*subject, "has no attempt " + std::to_string(attempt_id));
  return dispatched{std::move(*subject), std::move(*submission)};
}

/// @returns whether it is written down already: the answer got lost, or a
/// webhook was faster.
bool is_recorded(const dispatched& x, const submission_outcome& outcome) {
  return outcome.result == submission_result::accepted && !is_open(x.submission)
         && x.submission.state == attempt_state::accepted
         && x.submission.external_id == outcome.seen.external_id;
}

/// @returns why the outcome cannot be written down, or none.
caf::error check_outcome(transaction& tx, const dispatched& x,
                         const submission_outcome& outcome) {
  if (!is_open(x.submission))
    return conflict(x.subject,
                    "has closed attempt " + std::to_string(x.submission.id));
  if (outcome.result != submission_result::accepted)
    return x.submission.state == attempt_state::accepted
             ? conflict(x.subject, "was accepted by the provider")
             : caf::error{};
  const auto& external_id = outcome.seen.external_id;
  if (external_id.empty())
    return invalid("an accepted submission has an external id");
  const auto known = x.submission.external_id;
  if (!known.empty() && known != external_id)
    return conflict(x.subject, "was accepted as " + known);
  if (attempt_table{tx.db}.is_taken(x.subject.provider, external_id,
                                    x.submission))
    return make_error(ec::conflict,
                      "external id " + external_id + " belongs to another job");
  return {};
}

/// Keeps the logs of a job that is over already. @returns whether a webhook
/// was there before the external id of a job that is not.
bool learn(transaction& tx, const job& x, const provider_job& seen) {
  if (is_terminal(x.status))
    log_table{tx.db}.store(x.id, seen.logs);
  return !x.external_id.empty()
         && delivery_table{tx.db}.take_early(x.provider, x.external_id, tx.now)
         && !is_terminal(x.status);
}

} // namespace

caf::expected<jobs_claimed> run(transaction& tx, const claim_jobs& command) {
  const auto limits = limit_table{tx.db}.load(tx.limits_from_file);
  slots room{tx.db, limits};
  jobs_claimed result{command.ctx};
  for (const auto& id : command.job_ids) {
    const auto found = job_table{tx.db}.find(id);
    if (!found || !is_claimable(tx, *found))
      continue; // the caller re-reads it
    auto input = input_table{tx.db}.find(id);
    auto why = input ? room.refusal(*found) : "Its input is missing";
    if (!why.empty()) {
      result.refused.insert_or_assign(id, std::move(why));
      continue;
    }
    result.claimed.push_back(claim(tx, *found, std::move(*input)));
    room.take(*found);
  }
  return result;
}

caf::expected<submission_recorded> run(transaction& tx,
                                       const record_submission& command) {
  const auto before = find_both(tx, command.job_id, command.attempt_id);
  if (!before)
    return before.error();
  if (is_recorded(*before, command.outcome))
    return submission_recorded{command.ctx, before->subject};
  if (auto err = check_outcome(tx, *before, command.outcome))
    return err;
  auto after = with_outcome(before->subject, before->submission,
                            command.outcome, command.delay, tx.now);
  const auto unchanged = is_open(after.submission)
                         && after.submission.state == before->submission.state;
  if (!unchanged)
    if (auto err = save(tx, *before, after))
      return err;
  const auto poll = learn(tx, after.subject, command.outcome.seen);
  return submission_recorded{command.ctx, std::move(after.subject),
                             after.cancel_at_provider, poll};
}

caf::expected<job_found> run(transaction& tx, const close_attempt& command) {
  auto before = find_both(tx, command.job_id, command.attempt_id);
  if (!before)
    return before.error();
  if (!is_open(before->submission))
    return job_found{command.ctx, std::move(before->subject)};
  if (before->submission.state != attempt_state::accepted)
    return conflict(before->subject, "may still be accepted");
  auto after = with_closed_attempt(before->subject, before->submission, tx.now);
  if (auto err = save(tx, *before, after))
    return err;
  return job_found{command.ctx, std::move(after.subject)};
}

caf::expected<job_found> run(transaction& tx, const note_twin& command) {
  auto found = find_both(tx, command.job_id, command.attempt_id);
  if (!found)
    return found.error();
  const auto& twin = found->submission;
  if (twin.external_id == command.external_id)
    return job_found{command.ctx, std::move(found->subject)};
  if (command.external_id.empty())
    return invalid("a twin has an external id");
  if (!twin.watched_since || !twin.external_id.empty())
    return conflict(found->subject, "has no such watched attempt");
  attempt_table attempts{tx.db};
  if (attempts.is_taken(found->subject.provider, command.external_id, twin))
    return make_error(ec::conflict, "external id " + command.external_id
                                      + " belongs to another job");
  attempts.note_twin(twin.id, command.external_id);
  tx.append(queue_event(found->subject, tx.now));
  tx.append(twin_event(found->subject, twin.id, command.external_id, tx.now));
  tx.audit(command.ctx, {.user_id = {}}, "submission.twin", found->subject.id,
           found->subject.org_id, command.external_id);
  return job_found{command.ctx, std::move(found->subject)};
}

caf::expected<job_found> run(transaction& tx, const end_watch& command) {
  auto found = find_both(tx, command.job_id, command.attempt_id);
  if (!found)
    return found.error();
  if (!found->submission.watched_since)
    return job_found{command.ctx, std::move(found->subject)};
  attempt_table{tx.db}.end_watch(command.attempt_id);
  tx.append(queue_event(found->subject, tx.now));
  return job_found{command.ctx, std::move(found->subject)};
}

} // namespace tunerd::sql
