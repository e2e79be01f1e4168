#pragma once

#include "messages/limits.hpp"
#include "messages/providers.hpp"

#include <cstdint>
#include <string>
#include <vector>

// The dispatch protocol between scheduler and store (DESIGN 5):
// claim -> submit -> record -> reconcile.

namespace tunerd {

/// What the scheduler's index knows of a job that waits or holds a slot.
struct queue_entry {
  std::string job_id;
  int64_t row = 0;
  std::string provider = {};
  std::string user_id = {};
  std::string org_id = {};
  std::string team_id = {};
  queue_status status = queue_status::pending;
  /// See `base_priority`.
  int32_t priority = 10;
  timestamp queued_at = {};
  timestamp not_before = {};
  std::string correlation_id = {};
};

/// Where a submission attempt is. Stored by name.
enum class attempt_state : uint8_t {
  /// Claimed; the request may be on its way. Open.
  claimed,
  /// The provider may or may not have it. Open, holds its slot.
  in_doubt,
  /// As in doubt, but only a person can decide. Open.
  unresolved,
  /// It has an external id. Open while its job is cancelled here but not yet
  /// at the provider, else closed.
  accepted,
  /// It seems to have none. Closed; if it was in doubt before, watched for a
  /// while, because its request may arrive late. An external id that is found
  /// so is cancelled there.
  released,
};

std::string to_string(attempt_state state);
caf::optional<attempt_state> parse_attempt_state(std::string_view text);

/// One submission that still needs work: open, or closed and watched.
struct open_attempt {
  int64_t id = 0;
  std::string job_id;
  std::string provider = {};
  attempt_state state = attempt_state::claimed;
  std::string version = {};
  std::string fingerprint = {};
  /// The input as stored, needed to compare inputs that contain secrets.
  std::string body = {};
  std::string hardware_profile = {};
  timestamp claimed_at = {};
  /// Since when it is in doubt; the request arrived before this or never.
  timestamp doubt_since = {};
  /// The job has ended here and must not run there.
  bool job_over = false;
  std::string external_id = {};
  std::string correlation_id = {};
  /// Since when it is watched; none if it is not.
  caf::optional<timestamp> watched_since = caf::none;
};

/// @returns whether the request of `x` may still arrive.
bool is_watched(const open_attempt& x);

/// @returns whether `x` was watched and its request has arrived.
bool is_twin(const open_attempt& x);

/// Query: everything that waits, holds a slot or is an open attempt, with the
/// cursor in the event log that it corresponds to. It comes in pages, each
/// from a snapshot of its own: what changed between two of them stands in the
/// event log behind the cursor of the first.
struct load_queue {
  context ctx;
  /// `queue_snapshot::next` of the page before; empty for the first.
  std::string after = {};
};

/// Query: the same for some jobs. What is not in the answer has left the queue.
struct reload_queue {
  context ctx;
  std::vector<std::string> job_ids;
};

/// Answer to both.
struct queue_snapshot {
  context ctx;
  /// Id of the last event contained.
  int64_t cursor = 0;
  queue_limits limits = {};
  std::vector<queue_entry> entries = {};
  std::vector<open_attempt> attempts = {};
  /// Says which page follows; empty if this is the last.
  std::string next = {};
};

/// Command: give each of these pending jobs a slot if the stored limits leave
/// room, in this order, and open an attempt for it.
struct claim_jobs {
  context ctx;
  std::vector<std::string> job_ids;
};

/// A job that holds a slot and must now be submitted.
struct claimed_job {
  job subject;
  int64_t attempt_id = 0;
  provider_input input = {};
};

/// Answer to `claim_jobs`. A job in neither list was refused: re-read it.
struct jobs_claimed {
  context ctx;
  std::vector<claimed_job> claimed = {};
  /// Job id to why it got no slot, e.g. "Global limit reached (5/5)".
  std::map<std::string, std::string> refused = {};
};

/// Command: write down what came of an attempt. Legal from every open state,
/// idempotent once it is accepted; another outcome of a closed attempt, or an
/// external id that belongs to another attempt, is a `conflict`.
struct record_submission {
  context ctx;
  std::string job_id;
  int64_t attempt_id = 0;
  /// Its context is ignored.
  submission_outcome outcome = {};
  /// How long the job waits before its next attempt, if there is one.
  caf::timespan delay = caf::timespan{0};
};

/// Answer to `record_submission`.
struct submission_recorded {
  context ctx;
  job subject;
  /// The job ended here meanwhile: cancel `subject.external_id` there, then say
  /// `close_attempt`.
  bool cancel_at_provider = false;
  /// A webhook about it came before its external id was recorded: the provider
  /// knows more than what the submission answered.
  bool poll_at_once = false;
};

/// Command: the provider no longer runs what the attempt of a cancelled job
/// started. Frees the slot. Idempotent. Answered with `job_found`.
struct close_attempt {
  context ctx;
  std::string job_id;
  int64_t attempt_id = 0;
};

/// Command: the provider has `external_id` from the watched attempt after all.
/// It belongs to the attempt from now on, not to the job; it must be cancelled
/// there, then say `end_watch`. `conflict` if it belongs to another attempt or
/// the attempt is not watched. Idempotent. Answered with `job_found`.
struct note_twin {
  context ctx;
  std::string job_id;
  int64_t attempt_id = 0;
  std::string external_id = {};
};

/// Command: nothing more is expected of a watched attempt. Idempotent. Answered
/// with `job_found`.
struct end_watch {
  context ctx;
  std::string job_id;
  int64_t attempt_id = 0;
};

/// Command to the scheduler: dispatch what may run, now.
struct process_queue {
  context ctx;
};

/// Answer to `process_queue`: what got a slot.
struct queue_processed {
  context ctx;
  std::vector<std::string> job_ids = {};
};

/// What a person decides about an attempt that nobody else can settle.
enum class attempt_decision : uint8_t { adopt, resubmit, fail };

/// Command to the scheduler: settle an unresolved attempt. `conflict` if the
/// job has none, or if the provider does not know `external_id`. Answered with
/// `job_found`.
struct resolve_attempt {
  context ctx;
  caller who;
  std::string job_id;
  attempt_decision decision = attempt_decision::fail;
  /// For `adopt`.
  std::string external_id = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_entry& x) {
  return f(caf::meta::type_name("queue_entry"), x.job_id, x.row, x.provider,
           x.user_id, x.org_id, x.team_id, x.status, x.priority, x.queued_at,
           x.not_before, x.correlation_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, open_attempt& x) {
  return f(caf::meta::type_name("open_attempt"), x.id, x.job_id, x.provider,
           x.state, x.version, x.fingerprint, x.body, x.hardware_profile,
           x.claimed_at, x.doubt_since, x.job_over, x.external_id,
           x.correlation_id, x.watched_since);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, load_queue& x) {
  return f(caf::meta::type_name("load_queue"), x.ctx, x.after);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, reload_queue& x) {
  return f(caf::meta::type_name("reload_queue"), x.ctx, x.job_ids);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_snapshot& x) {
  return f(caf::meta::type_name("queue_snapshot"), x.ctx, x.cursor, x.limits,
           x.entries, x.attempts, x.next);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, claim_jobs& x) {
  return f(caf::meta::type_name("claim_jobs"), x.ctx, x.job_ids);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, claimed_job& x) {
  return f(caf::meta::type_name("claimed_job"), x.subject, x.attempt_id,
           x.input);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, jobs_claimed& x) {
  return f(caf::meta::type_name("jobs_claimed"), x.ctx, x.claimed, x.refused);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, record_submission& x) {
  return f(caf::meta::type_name("record_submission"), x.ctx, x.job_id,
           x.attempt_id, x.outcome, x.delay);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, submission_recorded& x) {
  return f(caf::meta::type_name("submission_recorded"), x.ctx, x.subject,
           x.cancel_at_provider, x.poll_at_once);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, close_attempt& x) {
  return f(caf::meta::type_name("close_attempt"), x.ctx, x.job_id,
           x.attempt_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, note_twin& x) {
  return f(caf::meta::type_name("note_twin"), x.ctx, x.job_id, x.attempt_id,
           x.external_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, end_watch& x) {
  return f(caf::meta::type_name("end_watch"), x.ctx, x.job_id, x.attempt_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, process_queue& x) {
  return f(caf::meta::type_name("process_queue"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_processed& x) {
  return f(caf::meta::type_name("queue_processed"), x.ctx, x.job_ids);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, resolve_attempt& x) {
  return f(caf::meta::type_name("resolve_attempt"), x.ctx, x.who, x.job_id,
           x.decision, x.external_id);
}

} // namespace tunerd
