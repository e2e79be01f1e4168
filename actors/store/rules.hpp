#pragma once

#include "messages/dispatch.hpp"

// What may become of a job and its attempts (REFERENCE 2): decisions without
// a database, a clock or CAF's actors.

namespace tunerd::sql {

/// One submission of a job, as stored. It is open until `closed_at` is set; a
/// job has at most one open attempt.
struct attempt {
  int64_t id = 0;
  std::string job_id;
  attempt_state state = attempt_state::claimed;
  caf::optional<timestamp> doubt_since = caf::none;
  caf::optional<timestamp> closed_at = caf::none;
  /// Set only after its end, if it was in doubt before.
  caf::optional<timestamp> watched_since = caf::none;
  /// Empty until it is accepted.
  std::string external_id = {};
};

/// A job and its attempt after a step of the dispatch protocol.
struct dispatched {
  job subject;
  attempt submission;
  /// See `submission_recorded`.
  bool cancel_at_provider = false;
};

/// @returns whether a job may go from one status to another one.
bool may_move(job_status from, job_status to);

/// @returns what becomes of the queue entry of a job that ends as `status`.
/// @pre is_terminal(status)
queue_status closed_as(job_status status);

/// @returns whether an entry in `status` has left the queue.
bool is_closed(queue_status status);

/// @returns `stored` after what its provider says about it. A status unknown
/// to us changes nothing; absent values overwrite nothing; a job that is over
/// only gets its missing cost and output.
job with_status(const job& stored, const provider_job& seen, timestamp now);

/// @returns `stored` ended here. Its entry stays `ready` while an attempt is
/// open: the slot is free only when nothing can run any more.
/// @pre !is_terminal(stored.status) && is_terminal(status)
job with_end(const job& stored, job_status status, const std::string& reason,
             timestamp now);

/// @returns the two after what came of the submission.
/// @param delay From now until the job may be claimed again.
/// @pre `submission` is open and not accepted
dispatched with_outcome(const job& stored, const attempt& submission,
                        const submission_outcome& outcome, caf::timespan delay,
                        timestamp now);

/// @returns the two after the provider has stopped running what the attempt of
/// a job that is over had started: the slot is free.
dispatched with_closed_attempt(const job& stored, const attempt& submission,
                               timestamp now);

} // namespace tunerd::sql
