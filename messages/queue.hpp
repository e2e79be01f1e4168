#pragma once

#include "messages/jobs.hpp"
#include "messages/providers.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

// The queue and the dispatch protocol between scheduler and store
// (DESIGN 5): claim -> submit -> record -> reconcile.

namespace tunerd {

/// How many slots may be held at once. 0 means no limit.
struct queue_limits {
  int32_t max_concurrent = 5;
  int32_t user_max_concurrent = 2;
  /// Acts with fair share only.
  int32_t team_max_concurrent = 10;
  int32_t org_max_concurrent = 0;
  bool enable_fair_share = false;
  /// Stored for SimpleTuner's own workers; tunerd runs nothing locally.
  int32_t local_gpu_max_concurrent = 0;
  int32_t local_job_max_concurrent = 1;
  /// Of each provider.
  int32_t provider_max_concurrent = 0;
};

/// Command: change those limits that are set; the rest stay. Stored, wins over
/// the file, effective at once.
struct set_limits {
  context ctx;
  caller who;
  caf::optional<int32_t> max_concurrent = caf::none;
  caf::optional<int32_t> user_max_concurrent = caf::none;
  caf::optional<int32_t> team_max_concurrent = caf::none;
  caf::optional<int32_t> org_max_concurrent = caf::none;
  caf::optional<bool> enable_fair_share = caf::none;
  caf::optional<int32_t> local_gpu_max_concurrent = caf::none;
  caf::optional<int32_t> local_job_max_concurrent = caf::none;
  caf::optional<int32_t> provider_max_concurrent = caf::none;
};

/// Query: the limits in force.
struct get_limits {
  context ctx;
};

/// Answer to `get_limits` and `set_limits`.
struct limits_in_force {
  context ctx;
  queue_limits limits;
};

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
/// cursor in the event log that it corresponds to, from one snapshot.
struct load_queue {
  context ctx;
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

/// Command: write down what came of an attempt. Legal from every open state;
/// a closed attempt or an external id that belongs to another attempt is a
/// `conflict`.
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

/// Who saw a status first. Streamed by name.
enum class change_source : uint8_t { poll, webhook, api, scheduler, expiry };

std::string to_string(change_source source);

/// Command: apply what a provider says about a job (DESIGN 6): guarded,
/// idempotent; absent values overwrite nothing; a terminal job never changes
/// its status; `running` never goes back.
struct apply_status {
  context ctx;
  std::string job_id;
  provider_job seen;
  change_source source = change_source::poll;
};

/// Answer to `apply_status`.
struct status_applied {
  context ctx;
  job subject;
  /// Whether the stored status changed.
  bool changed = false;
};

/// Command: the provider answered 404. Three times over at least ten minutes
/// fail the job. Answered with `status_applied`.
struct report_missing_job {
  context ctx;
  std::string job_id;
};

/// Command to the store: end a job that has no external id, or mark that it
/// was ended by a person and must be cancelled there. Answered with
/// `job_found`; `conflict` if it is over.
struct end_job {
  context ctx;
  std::string job_id;
  /// `cancelled` or `failed`.
  job_status status = job_status::cancelled;
  std::string reason = {};
  /// Who wants it; empty user: nobody but us.
  caller who = {.user_id = {}};
};

/// Command to the store: take a job out of the queue that is blocked or waits
/// for a slot, else `conflict`. Its owner (a researcher at least) or an admin
/// may. Answered with `job_found`.
struct cancel_queued_job {
  context ctx;
  caller who;
  std::string job_id;
};

/// Command, leads that see the job: set (0-50) or (none) unset the priority of
/// a job that is blocked, pending or ready, else `conflict`.
struct set_priority {
  context ctx;
  caller who;
  std::string job_id;
  caf::optional<int32_t> priority = caf::none;
};

/// Answer to `set_priority`.
struct priority_set {
  context ctx;
  job before;
  job subject = {};
};

/// Query: what one user has in the queue, as far as `who` may see it.
struct get_user_queue {
  context ctx;
  caller who;
  std::string user_id;
};

/// Answer to `get_user_queue`.
struct user_queue {
  context ctx;
  int64_t pending_count = 0;
  int64_t running_count = 0;
  int64_t blocked_count = 0;
  /// The first ten, in order of priority and time.
  std::vector<job> pending = {};
  std::vector<job> running = {};
};

/// Command, admins only: take entries out of the queue's lists that ended more
/// than `days` (1-365) ago. The jobs stay.
struct clean_queue {
  context ctx;
  caller who;
  int32_t days = 30;
};

/// Answer to `clean_queue`.
struct queue_cleaned {
  context ctx;
  int64_t deleted = 0;
};

/// Command to the store: take over jobs that were found at a provider. What is
/// known, or younger than the oldest open claim there, is skipped. Active ones
/// hold slots from then on; they belong to `who`.
struct import_jobs {
  context ctx;
  caller who;
  std::string provider;
  std::vector<provider_job> found = {};
};

/// Answer to `import_jobs`: those that are new.
struct jobs_imported {
  context ctx;
  std::vector<job> imported = {};
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

/// Command to the scheduler: look for unknown jobs among the newest 100 of a
/// provider. Attempts in doubt there are settled first, or it is a `conflict`.
struct sync_provider_jobs {
  context ctx;
  caller who;
  std::string provider;
};

/// Answer to `sync_provider_jobs`.
struct provider_jobs_synced {
  context ctx;
  int64_t discovered = 0;
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

/// Query to the scheduler: why does this job not run? Any job; visibility is
/// the caller's business.
struct explain_job {
  context ctx;
  std::string job_id;
};

/// One thing that keeps a job from running.
struct queue_constraint {
  /// "approval", "not_before", "provider_unavailable", "submissions" (as many
  /// as may be under way are), "in_doubt", "unresolved", "limit" or "turn"
  /// (others go first).
  std::string kind;
  /// Of a limit: "global", "user", "team", "org" or "provider". Of what a
  /// provider does: its name.
  std::string scope = {};
  /// 0 if it has none.
  int64_t limit = 0;
  int64_t used = 0;
  /// Jobs that hold the slots; at most 100.
  std::vector<std::string> holders = {};
  /// Nothing changes before this time; none if that is not known.
  caf::optional<timestamp> until = caf::none;
};

/// Answer to `explain_job`.
struct job_explained {
  context ctx;
  /// 1 = next; none unless it waits for a slot.
  caf::optional<int64_t> position = caf::none;
  /// The nearest first; empty: nothing keeps it.
  std::vector<queue_constraint> constraints = {};
  /// None if there is nothing to estimate from.
  caf::optional<caf::timespan> estimated_wait = caf::none;
};

/// Query: all active jobs with an external id, for the poller.
struct list_active_jobs {
  context ctx;
};

/// Query: the queue as people see it.
struct list_queue {
  context ctx;
  caller who;
  caf::optional<queue_status> status = caf::none;
  bool include_completed = false;
  /// 1-200.
  int32_t limit = 50;
  int64_t offset = 0;
};

/// Answer to `list_queue`.
struct queue_page {
  context ctx;
  std::vector<job> entries;
  int64_t total_pending = 0;
  int64_t total_running = 0;
};

/// Query: counts over the whole queue.
struct get_queue_stats {
  context ctx;
};

/// Answer to `get_queue_stats`.
struct queue_stats {
  context ctx;
  std::map<std::string, int64_t> by_status = {};
  /// Active entries by user id.
  std::map<std::string, int64_t> by_user = {};
  /// Mean wait of what was claimed in the last 24 h; none if nothing was.
  caf::optional<caf::timespan> average_wait = caf::none;
};

/// Query to the scheduler: places in the queue, 1 = next. Answered once its
/// index contains the event `event_id` (0: at once).
struct get_queue_positions {
  context ctx;
  std::vector<std::string> job_ids;
  int64_t event_id = 0;
};

/// Answer to `get_queue_positions`; only pending jobs have a place.
struct queue_positions {
  context ctx;
  std::map<std::string, int64_t> positions = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_limits& x) {
  return f(caf::meta::type_name("queue_limits"), x.max_concurrent,
           x.user_max_concurrent, x.team_max_concurrent, x.org_max_concurrent,
           x.enable_fair_share, x.local_gpu_max_concurrent,
           x.local_job_max_concurrent, x.provider_max_concurrent);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, set_limits& x) {
  return f(caf::meta::type_name("set_limits"), x.ctx, x.who, x.max_concurrent,
           x.user_max_concurrent, x.team_max_concurrent, x.org_max_concurrent,
           x.enable_fair_share, x.local_gpu_max_concurrent,
           x.local_job_max_concurrent, x.provider_max_concurrent);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_limits& x) {
  return f(caf::meta::type_name("get_limits"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, limits_in_force& x) {
  return f(caf::meta::type_name("limits_in_force"), x.ctx, x.limits);
}

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
  return f(caf::meta::type_name("load_queue"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, reload_queue& x) {
  return f(caf::meta::type_name("reload_queue"), x.ctx, x.job_ids);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_snapshot& x) {
  return f(caf::meta::type_name("queue_snapshot"), x.ctx, x.cursor, x.limits,
           x.entries, x.attempts);
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
typename Inspector::result_type inspect(Inspector& f, apply_status& x) {
  return f(caf::meta::type_name("apply_status"), x.ctx, x.job_id, x.seen,
           x.source);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, status_applied& x) {
  return f(caf::meta::type_name("status_applied"), x.ctx, x.subject, x.changed);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, report_missing_job& x) {
  return f(caf::meta::type_name("report_missing_job"), x.ctx, x.job_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, end_job& x) {
  return f(caf::meta::type_name("end_job"), x.ctx, x.job_id, x.status, x.reason,
           x.who);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_active_jobs& x) {
  return f(caf::meta::type_name("list_active_jobs"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_queue& x) {
  return f(caf::meta::type_name("list_queue"), x.ctx, x.who, x.status,
           x.include_completed, x.limit, x.offset);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_page& x) {
  return f(caf::meta::type_name("queue_page"), x.ctx, x.entries,
           x.total_pending, x.total_running);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_queue_stats& x) {
  return f(caf::meta::type_name("get_queue_stats"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_stats& x) {
  return f(caf::meta::type_name("queue_stats"), x.ctx, x.by_status, x.by_user,
           x.average_wait);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_queue_positions& x) {
  return f(caf::meta::type_name("get_queue_positions"), x.ctx, x.job_ids,
           x.event_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_positions& x) {
  return f(caf::meta::type_name("queue_positions"), x.ctx, x.positions);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cancel_queued_job& x) {
  return f(caf::meta::type_name("cancel_queued_job"), x.ctx, x.who, x.job_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, set_priority& x) {
  return f(caf::meta::type_name("set_priority"), x.ctx, x.who, x.job_id,
           x.priority);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, priority_set& x) {
  return f(caf::meta::type_name("priority_set"), x.ctx, x.before, x.subject);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_user_queue& x) {
  return f(caf::meta::type_name("get_user_queue"), x.ctx, x.who, x.user_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, user_queue& x) {
  return f(caf::meta::type_name("user_queue"), x.ctx, x.pending_count,
           x.running_count, x.blocked_count, x.pending, x.running);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, clean_queue& x) {
  return f(caf::meta::type_name("clean_queue"), x.ctx, x.who, x.days);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_cleaned& x) {
  return f(caf::meta::type_name("queue_cleaned"), x.ctx, x.deleted);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, import_jobs& x) {
  return f(caf::meta::type_name("import_jobs"), x.ctx, x.who, x.provider,
           x.found);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, jobs_imported& x) {
  return f(caf::meta::type_name("jobs_imported"), x.ctx, x.imported);
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
typename Inspector::result_type inspect(Inspector& f, sync_provider_jobs& x) {
  return f(caf::meta::type_name("sync_provider_jobs"), x.ctx, x.who,
           x.provider);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_jobs_synced& x) {
  return f(caf::meta::type_name("provider_jobs_synced"), x.ctx, x.discovered);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, resolve_attempt& x) {
  return f(caf::meta::type_name("resolve_attempt"), x.ctx, x.who, x.job_id,
           x.decision, x.external_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, explain_job& x) {
  return f(caf::meta::type_name("explain_job"), x.ctx, x.job_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_constraint& x) {
  return f(caf::meta::type_name("queue_constraint"), x.kind, x.scope, x.limit,
           x.used, x.holders, x.until);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, job_explained& x) {
  return f(caf::meta::type_name("job_explained"), x.ctx, x.position,
           x.constraints, x.estimated_wait);
}

} // namespace tunerd
