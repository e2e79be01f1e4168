#include "actors/store/rules.hpp"

#include <algorithm>

namespace tunerd::sql {

namespace {

constexpr caf::timespan delay_max = std::chrono::hours{24};

/// The job ends as `status`, and so does its entry.
void finish(job& x, job_status status, timestamp when) {
  x.status = status;
  x.queue = closed_as(status);
  x.completed_at = when;
}

void fill_missing(job& x, const provider_job& seen) {
  if (!x.cost_micros)
    x.cost_micros = seen.cost_micros;
  if (x.output_url.empty())
    x.output_url = seen.output_url;
}

void overwrite(job& x, const provider_job& seen) {
  if (seen.cost_micros)
    x.cost_micros = seen.cost_micros;
  if (!seen.output_url.empty())
    x.output_url = seen.output_url;
  if (!seen.error_message.empty())
    x.error_message = seen.error_message;
  if (!x.started_at)
    x.started_at = seen.started_at;
}

/// @returns whether a provider's word moves a job; it never takes it back to
/// where it waits for its submission.
bool provider_may_move(job_status from, job_status to) {
  return to >= job_status::queued && may_move(from, to);
}

/// @returns when the job `x` ended: as the provider says, but not before it
/// started, whatever clocks these two times come from.
timestamp end_of(const job& x, const provider_job& seen, timestamp now) {
  const auto end = seen.completed_at ? *seen.completed_at : now;
  return x.started_at ? std::max(end, *x.started_at) : end;
}

/// The entry of a job that ended while its attempt was open leaves the queue.
void free_slot(job& x) {
  if (x.queue == queue_status::ready)
    x.queue = closed_as(x.status);
}

bool has_ended_there(const provider_job& seen) {
  return seen.status && is_terminal(*seen.status);
}

dispatched accepted(dispatched x, const provider_job& outcome, timestamp now) {
  const auto over = is_terminal(x.subject.status);
  auto seen = outcome;
  // Whatever it calls it, the provider has it now.
  if (!over && (!seen.status || *seen.status < job_status::queued))
    seen.status = job_status::queued;
  x.subject = with_status(x.subject, seen, now);
  x.subject.external_id = seen.external_id;
  x.submission.state = attempt_state::accepted;
  x.submission.external_id = seen.external_id;
  x.cancel_at_provider = over && !has_ended_there(seen);
  if (x.cancel_at_provider)
    return x;
  x.submission.closed_at = now;
  if (is_terminal(x.subject.status))
    free_slot(x.subject);
  else
    x.subject.queue = queue_status::running;
  return x;
}

dispatched released(dispatched x, caf::timespan delay, timestamp now) {
  x.submission.state = attempt_state::released;
  x.submission.closed_at = now;
  if (x.submission.doubt_since)
    x.submission.watched_since = now;
  if (is_terminal(x.subject.status)) {
    free_slot(x.subject);
    return x;
  }
  x.subject.status = job_status::pending;
  x.subject.queue = queue_status::pending;
  x.subject.not_before = now + std::clamp(delay, caf::timespan{0}, delay_max);
  return x;
}

dispatched refused(dispatched x, const std::string& reason, caf::timespan delay,
                   timestamp now) {
  const auto over = is_terminal(x.subject.status);
  x = released(std::move(x), delay, now);
  if (over || ++x.subject.attempts_used < x.subject.max_attempts)
    return x;
  x.subject.error_message = reason;
  finish(x.subject, job_status::failed, now);
  return x;
}

dispatched doubted(dispatched x, attempt_state state, timestamp now) {
  x.submission.state = state;
  if (!x.submission.doubt_since)
    x.submission.doubt_since = now;
  return x;
}

} // namespace

bool may_move(job_status from, job_status to) {
  if (from == to || is_terminal(from))
    return false;
  switch (to) {
    case job_status::pending: return from == job_status::uploading;
    case job_status::uploading: return from == job_status::pending;
    case job_status::queued: return from != job_status::running;
    default: return true;
  }
}

queue_status closed_as(job_status status) {
  switch (status) {
    case job_status::completed: return queue_status::completed;
    case job_status::failed: return queue_status::failed;
    default: return queue_status::cancelled;
  }
}

bool is_closed(queue_status status) {
  return status == queue_status::completed || status == queue_status::failed
         || status == queue_status::cancelled;
}

job with_status(const job& stored, const provider_job& seen, timestamp now) {
  auto result = stored;
  if (!seen.status)
    return result;
  if (is_terminal(stored.status)) {
    fill_missing(result, seen);
    return result;
  }
  overwrite(result, seen);
  if (!provider_may_move(stored.status, *seen.status))
    return result;
  if (is_terminal(*seen.status))
    finish(result, *seen.status, end_of(result, seen, now));
  result.status = *seen.status;
  return result;
}

job with_end(const job& stored, job_status status, const std::string& reason,
             timestamp now) {
  auto result = stored;
  finish(result, status, now);
  if (!reason.empty())
    result.error_message = reason;
  if (stored.queue == queue_status::ready)
    result.queue = queue_status::ready;
  return result;
}

dispatched with_outcome(const job& stored, const attempt& submission,
                        const submission_outcome& outcome, caf::timespan delay,
                        timestamp now) {
  dispatched before{stored, submission};
  switch (outcome.result) {
    case submission_result::accepted:
      return accepted(std::move(before), outcome.seen, now);
    case submission_result::not_accepted:
    case submission_result::unavailable:
      return released(std::move(before), delay, now);
    case submission_result::refused:
      return refused(std::move(before), outcome.reason, delay, now);
    case submission_result::unresolved:
      return doubted(std::move(before), attempt_state::unresolved, now);
    default: return doubted(std::move(before), attempt_state::in_doubt, now);
  }
}

dispatched with_closed_attempt(const job& stored, const attempt& submission,
                               timestamp now) {
  dispatched result{stored, submission};
  result.submission.closed_at = now;
  free_slot(result.subject);
  return result;
}

} // namespace tunerd::sql
