#pragma once

#include "messages/callers.hpp"
#include "messages/context.hpp"

#include <caf/optional.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What a job is, and the commands and queries about single jobs.

namespace tunerd {

/// Where a job is. Stored and streamed by name.
enum class job_status : uint8_t {
  /// Stored; waits for approval, a slot or its submission.
  pending,
  /// Its data is on the way to the provider (imports only).
  uploading,
  /// The provider has it and has not started it.
  queued,
  /// Training.
  running,
  completed,
  failed,
  cancelled,
};

/// Where a job's queue entry is. Stored by name.
enum class queue_status : uint8_t {
  /// Waits for a slot.
  pending,
  /// Claimed and being submitted. Holds a slot.
  ready,
  /// At the provider. Holds a slot.
  running,
  completed,
  failed,
  cancelled,
  /// Waits for approval.
  blocked,
};

/// @returns whether `status` is never left again.
constexpr bool is_terminal(job_status status) {
  return status >= job_status::completed;
}

/// @returns whether an entry in `status` counts against every limit.
constexpr bool holds_slot(queue_status status) {
  return status == queue_status::ready || status == queue_status::running;
}

std::string to_string(job_status status);
std::string to_string(queue_status status);

/// @returns the status of that name, or none. Exact, lower case.
caf::optional<job_status> parse_job_status(std::string_view text);
caf::optional<queue_status> parse_queue_status(std::string_view text);

/// @returns "low" 0-9, "normal" 10-19, "high", "urgent", "critical" 40-50.
std::string priority_name(int32_t priority);

/// One job with its queue entry, as stored. Empty text means "not known".
struct job {
  /// Unique, never reused.
  std::string id;
  /// Rises in order of acceptance; breaks ties in the queue.
  int64_t row = 0;
  std::string job_type = "cloud";
  std::string provider = {};
  job_status status = job_status::pending;
  std::string config_name = {};
  std::string user_id = {};
  std::string org_id = {};
  std::string team_id = {};
  timestamp created_at = {};
  caf::optional<timestamp> started_at = caf::none;
  caf::optional<timestamp> completed_at = caf::none;
  /// Micro-USD.
  caf::optional<int64_t> cost_micros = caf::none;
  caf::optional<int64_t> estimated_cost_micros = caf::none;
  /// What the provider runs it on, e.g. "8x H100".
  std::string hardware_type = {};
  /// What was asked for, e.g. "h100-x8".
  std::string hardware_profile = {};
  std::string error_message = {};
  std::string output_url = {};
  /// A JSON object as text. Holds no secrets.
  std::string metadata = "{}";
  /// Of the request that submitted it; every later line about the job has it.
  std::string correlation_id = {};

  queue_status queue = queue_status::pending;
  /// 0-50.
  int32_t priority = 10;
  caf::optional<int32_t> priority_override = caf::none;
  timestamp queued_at = {};
  /// Not claimed before this time. The epoch means at once.
  timestamp not_before = {};
  /// Attempts used up by answers about this job, counted from 0.
  int32_t attempts_used = 0;
  int32_t max_attempts = 3;
  /// The provider's name for it; empty until a submission is recorded.
  std::string external_id = {};
  /// Its newest request for approval; 0 if it never needed one.
  int64_t approval_id = 0;
};

/// @returns override if set, else priority: the base of its rank.
inline int32_t base_priority(const job& x) {
  return x.priority_override ? *x.priority_override : x.priority;
}

/// @returns the context of all work on `x`, whenever it is done.
inline context context_of(const job& x) {
  context ctx{x.correlation_id, {{"job_id", x.id}, {"provider", x.provider}}};
  if (!x.user_id.empty())
    ctx.fields.emplace("user_id", x.user_id);
  return ctx;
}

/// What is sent to a provider to start a job, ready to be stored.
struct provider_input {
  /// The provider's model version, as sent.
  std::string version;
  /// Canonical JSON of the input. Secrets stand in it as `${secret:NAME}` and
  /// are resolved when it is sent.
  std::string body = "{}";
  /// See `fingerprint` in messages/fingerprint.hpp.
  std::string fingerprint = {};
  /// Where the provider shall send webhooks; empty for none.
  std::string webhook_url = {};
  /// After which the provider shall end the job, in whole minutes; 0: as late
  /// as it allows.
  caf::timespan max_runtime = caf::timespan{0};
};

/// Command to the store: accept `job` in its own transaction: approval rules
/// and the cost limit are judged there. `job.row`, `created_at` and `queued_at`
/// are set by the store, the estimate if it is none and can be made.
/// `conflict`: the idempotency key is known with another request;
/// `cost_limit_exceeded`: not accepted.
struct submit_job {
  context ctx;
  job subject;
  provider_input input;
  /// Unique per user for 24 h; empty for none.
  std::string idempotency_key = {};
  /// Hash of the request body; the same key with another hash is a conflict.
  std::string request_hash = {};
  /// Who submits; `subject` says for whom.
  caller who = {};
  /// Block it whatever the rules say.
  bool requires_approval = false;
  /// How long its approval may wait; none: as the rule says.
  caf::optional<caf::timespan> approval_deadline = caf::none;
  /// Of its hardware, in nano-USD per second; 0 if not known.
  int64_t rate_nanos_per_second = 0;
  /// The longest that the provider lets it run.
  caf::timespan longest_run = std::chrono::minutes{30};
};

/// Answer to `submit_job`: it is committed.
struct job_submitted {
  context ctx;
  job subject;
  /// The key was known: `subject` is the job of the first submission.
  bool idempotent_hit = false;
  /// Id of the event that announced it.
  int64_t event_id = 0;
  /// For people; empty if the cost limit is far.
  std::string cost_limit_warning = {};
};

/// Query: one job. Fails with `job_not_found` or `permission_denied`.
struct get_job {
  context ctx;
  caller who;
  std::string job_id;
};

/// Answer to `get_job` and to commands that change one job.
struct job_found {
  context ctx;
  job subject;
};

/// Query: jobs `who` may see, newest first.
struct list_jobs {
  context ctx;
  caller who;
  /// Exact matches; empty or none means any.
  std::string job_type = {};
  std::string provider = {};
  caf::optional<job_status> status = caf::none;
  /// 1-500.
  int32_t limit = 50;
  int64_t offset = 0;
};

/// Answer to `list_jobs`.
struct job_list {
  context ctx;
  std::vector<job> jobs;
  /// All matches, not only this page.
  int64_t total = 0;
};

/// Command: end a job. Fails with `job_not_found`, `permission_denied`,
/// `conflict` (already over) or an error of the provider (nothing changed).
struct cancel_job {
  context ctx;
  caller who;
  std::string job_id;
};

/// Command to the store: remove a job that is over and has no open attempt,
/// else `conflict`.
struct delete_job {
  context ctx;
  caller who;
  std::string job_id;
};

/// Query: what the store knows of a job's log output.
struct get_job_logs {
  context ctx;
  caller who;
  std::string job_id;
};

/// Answer to `get_job_logs`.
struct job_logs_found {
  context ctx;
  job subject;
  /// At most 1 MiB, its end.
  std::string logs = {};
  /// Nothing will be added; else the provider knows more.
  bool is_final = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, job& x) {
  return f(caf::meta::type_name("job"), x.id, x.row, x.job_type, x.provider,
           x.status, x.config_name, x.user_id, x.org_id, x.team_id,
           x.created_at, x.started_at, x.completed_at, x.cost_micros,
           x.estimated_cost_micros, x.hardware_type, x.hardware_profile,
           x.error_message, x.output_url, x.metadata, x.correlation_id, x.queue,
           x.priority, x.priority_override, x.queued_at, x.not_before,
           x.attempts_used, x.max_attempts, x.external_id, x.approval_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_input& x) {
  return f(caf::meta::type_name("provider_input"), x.version, x.body,
           x.fingerprint, x.webhook_url, x.max_runtime);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, submit_job& x) {
  return f(caf::meta::type_name("submit_job"), x.ctx, x.subject, x.input,
           x.idempotency_key, x.request_hash, x.who, x.requires_approval,
           x.approval_deadline, x.rate_nanos_per_second, x.longest_run);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, job_submitted& x) {
  return f(caf::meta::type_name("job_submitted"), x.ctx, x.subject,
           x.idempotent_hit, x.event_id, x.cost_limit_warning);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_job& x) {
  return f(caf::meta::type_name("get_job"), x.ctx, x.who, x.job_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, job_found& x) {
  return f(caf::meta::type_name("job_found"), x.ctx, x.subject);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_jobs& x) {
  return f(caf::meta::type_name("list_jobs"), x.ctx, x.who, x.job_type,
           x.provider, x.status, x.limit, x.offset);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, job_list& x) {
  return f(caf::meta::type_name("job_list"), x.ctx, x.jobs, x.total);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cancel_job& x) {
  return f(caf::meta::type_name("cancel_job"), x.ctx, x.who, x.job_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, delete_job& x) {
  return f(caf::meta::type_name("delete_job"), x.ctx, x.who, x.job_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_job_logs& x) {
  return f(caf::meta::type_name("get_job_logs"), x.ctx, x.who, x.job_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, job_logs_found& x) {
  return f(caf::meta::type_name("job_logs_found"), x.ctx, x.subject, x.logs,
           x.is_final);
}

} // namespace tunerd
