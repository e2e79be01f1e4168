#pragma once

#include "messages/jobs.hpp"

#include <cstdint>
#include <string>
#include <vector>

// What is said to and by the provider gateway.

namespace tunerd {

/// What a provider says about one of its jobs. Absent means "did not say",
/// never "is empty": an absent value overwrites nothing.
struct provider_job {
  std::string external_id;
  /// As the provider wrote it.
  std::string raw_status = {};
  /// None if `raw_status` is unknown to us.
  caf::optional<job_status> status = caf::none;
  caf::optional<timestamp> created_at = caf::none;
  caf::optional<timestamp> started_at = caf::none;
  caf::optional<timestamp> completed_at = caf::none;
  /// Micro-USD, by the rate of the job's own hardware profile.
  caf::optional<int64_t> cost_micros = caf::none;
  std::string output_url = {};
  std::string error_message = {};
  /// The model version without its "owner/model:" part.
  std::string version = {};
  /// Input as JSON text; empty if the provider has removed it or has none.
  std::string input = {};
  /// Log output, its last 1 MiB; only of single jobs that are over or were
  /// asked for `with_logs`.
  std::string logs = {};
};

/// Query: turn a submission into what the provider wants. `validation_error`
/// names the field. Asks for a model's newest version; fails then as look-ups.
struct prepare_job {
  context ctx;
  std::string provider;
  /// Empty means the provider's default.
  std::string hardware_profile = {};
  /// Model version or model; empty: the configured one, else the profile's.
  std::string version = {};
  /// JSON texts, empty if absent: either a raw `input` ...
  std::string input = {};
  /// ... or the two parts of a training configuration.
  std::string config = {};
  std::string dataloader_config = {};
  std::string webhook_url = {};
};

/// Answer to `prepare_job`.
struct job_prepared {
  context ctx;
  provider_input input;
  std::string hardware_profile;
  /// E.g. "8x H100".
  std::string hardware_type = {};
  /// In nano-USD per second; 0 if not known.
  int64_t rate_nanos_per_second = 0;
  /// The longest that the provider lets a job run.
  caf::timespan longest_run = std::chrono::minutes{30};
};

/// Command: submit once, now. Never retried by the gateway.
struct submit_to_provider {
  context ctx;
  std::string provider;
  std::string job_id;
  provider_input input;
};

/// What came back from a submission.
enum class submission_result : uint8_t {
  /// The provider has it; `submission_outcome::seen` says how.
  accepted,
  /// It surely was not accepted: DNS, connect or TLS failure, 429.
  not_accepted,
  /// Refused for what this job is: 4xx except 401, 402, 403, 408, 429.
  refused,
  /// Refused for who we are: 401, 402, 403. The provider is parked.
  unavailable,
  /// Nobody knows: time-out, connection lost after the request was written,
  /// 408, 5xx, an unreadable answer, a crash in between.
  in_doubt,
  /// In doubt, and no listing can ever decide it: a person must.
  unresolved,
};

std::string to_string(submission_result result);

/// Answer to `submit_to_provider`. The gateway has no error answers for it.
struct submission_outcome {
  context ctx;
  submission_result result = submission_result::in_doubt;
  /// Set only if accepted.
  provider_job seen = {};
  /// For people; empty if accepted.
  std::string reason = {};
  /// The provider asked us to wait this long; 0 if it did not say.
  caf::timespan retry_after = caf::timespan{0};
};

/// Query: one job of the provider. Fails with `no_such_provider_job` (404),
/// `provider_error`, `provider_timeout`, `provider_throttled` or
/// `provider_unavailable`.
struct get_provider_job {
  context ctx;
  std::string provider;
  std::string external_id;
  /// Decides the rate of the cost.
  std::string hardware_profile = {};
  /// Also its log output while it runs.
  bool with_logs = false;
};

/// Answer to `get_provider_job`.
struct provider_job_found {
  context ctx;
  provider_job seen;
};

/// Query: one page of the provider's jobs, newest first, with inputs.
struct list_provider_jobs {
  context ctx;
  std::string provider;
  timestamp created_after = {};
  /// Empty for the first page, else `provider_job_page::next`.
  std::string cursor = {};
};

/// Answer to `list_provider_jobs`.
struct provider_job_page {
  context ctx;
  std::vector<provider_job> jobs;
  /// Cursor of the next page; empty at the end.
  std::string next = {};
};

/// Command: cancel at the provider. Idempotent. Fails like `get_provider_job`.
struct cancel_provider_job {
  context ctx;
  std::string provider;
  std::string external_id;
};

/// Query: what providers are there? Answered with `provider_list`.
struct get_providers {
  context ctx;
};

/// How many calls of one kind a credential has left.
struct provider_budget {
  /// "create" for submissions, "other" for everything else.
  std::string kind;
  int64_t per_minute = 0;
  /// Calls that may be made at once now.
  int64_t left = 0;
  /// How long the provider wants us to keep still; 0 if it does not.
  caf::timespan throttled_for = caf::timespan{0};
};

/// One provider as people see it.
struct provider_summary {
  std::string name;
  /// It has a credential.
  bool is_configured = false;
  std::string base_url = {};
  /// Where its webhooks are to go; empty for none.
  std::string webhook_url = {};
  std::string default_hardware_profile = {};
  std::vector<provider_budget> budgets = {};
};

/// Answer to `get_providers`.
struct provider_list {
  context ctx;
  std::vector<provider_summary> providers = {};
};

/// Query: the settings in force of one provider, the keys of REFERENCE 8, as a
/// JSON object; secrets are "***". `unknown_provider`.
struct get_provider_config {
  context ctx;
  std::string provider;
};

/// Answer to `get_provider_config`.
struct provider_config_found {
  context ctx;
  std::string config = "{}";
};

/// Query: does the provider accept our credential? Asks it. `unknown_provider`.
struct validate_provider {
  context ctx;
  std::string provider;
};

/// Answer to `validate_provider`. A refusal is an answer.
struct provider_validated {
  context ctx;
  bool valid = false;
  /// A JSON object; empty text if there is none.
  std::string user_info = {};
  std::string error = {};
};

/// Where a circuit breaker is; the numbers are those of the metric.
enum class breaker_phase : uint8_t { closed = 0, half_open = 1, open = 2 };

std::string to_string(breaker_phase phase);

/// How one circuit breaker is.
struct breaker_status {
  /// E.g. "replicate-api".
  std::string name;
  std::string provider = {};
  breaker_phase phase = breaker_phase::closed;
  /// In a row, now.
  int64_t failure_count = 0;
  int64_t success_count = 0;
  /// Since the start.
  int64_t failures_total = 0;
  int64_t successes_total = 0;
  caf::optional<timestamp> last_failure = caf::none;
  /// Until it lets calls through again; 0 unless it is open.
  caf::timespan retry_after = caf::timespan{0};
};

/// Query: how are the circuit breakers? Answered with `breaker_list`.
struct get_breakers {
  context ctx;
};

/// Answer to `get_breakers`.
struct breaker_list {
  context ctx;
  std::vector<breaker_status> breakers = {};
};

/// Answer to `cancel_provider_job`: what the provider said last; `status` may
/// be none if it did not say.
struct provider_job_cancelled {
  context ctx;
  provider_job seen;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_job& x) {
  return f(caf::meta::type_name("provider_job"), x.external_id, x.raw_status,
           x.status, x.created_at, x.started_at, x.completed_at, x.cost_micros,
           x.output_url, x.error_message, x.version, x.input, x.logs);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, prepare_job& x) {
  return f(caf::meta::type_name("prepare_job"), x.ctx, x.provider,
           x.hardware_profile, x.version, x.input, x.config,
           x.dataloader_config, x.webhook_url);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, job_prepared& x) {
  return f(caf::meta::type_name("job_prepared"), x.ctx, x.input,
           x.hardware_profile, x.hardware_type, x.rate_nanos_per_second,
           x.longest_run);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, submit_to_provider& x) {
  return f(caf::meta::type_name("submit_to_provider"), x.ctx, x.provider,
           x.job_id, x.input);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, submission_outcome& x) {
  return f(caf::meta::type_name("submission_outcome"), x.ctx, x.result, x.seen,
           x.reason, x.retry_after);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_provider_job& x) {
  return f(caf::meta::type_name("get_provider_job"), x.ctx, x.provider,
           x.external_id, x.hardware_profile, x.with_logs);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_job_found& x) {
  return f(caf::meta::type_name("provider_job_found"), x.ctx, x.seen);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_provider_jobs& x) {
  return f(caf::meta::type_name("list_provider_jobs"), x.ctx, x.provider,
           x.created_after, x.cursor);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_job_page& x) {
  return f(caf::meta::type_name("provider_job_page"), x.ctx, x.jobs, x.next);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cancel_provider_job& x) {
  return f(caf::meta::type_name("cancel_provider_job"), x.ctx, x.provider,
           x.external_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f,
                                        provider_job_cancelled& x) {
  return f(caf::meta::type_name("provider_job_cancelled"), x.ctx, x.seen);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_providers& x) {
  return f(caf::meta::type_name("get_providers"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_budget& x) {
  return f(caf::meta::type_name("provider_budget"), x.kind, x.per_minute,
           x.left, x.throttled_for);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_summary& x) {
  return f(caf::meta::type_name("provider_summary"), x.name, x.is_configured,
           x.base_url, x.webhook_url, x.default_hardware_profile, x.budgets);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_list& x) {
  return f(caf::meta::type_name("provider_list"), x.ctx, x.providers);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_provider_config& x) {
  return f(caf::meta::type_name("get_provider_config"), x.ctx, x.provider);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f,
                                        provider_config_found& x) {
  return f(caf::meta::type_name("provider_config_found"), x.ctx, x.config);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, validate_provider& x) {
  return f(caf::meta::type_name("validate_provider"), x.ctx, x.provider);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_validated& x) {
  return f(caf::meta::type_name("provider_validated"), x.ctx, x.valid,
           x.user_info, x.error);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, breaker_status& x) {
  return f(caf::meta::type_name("breaker_status"), x.name, x.provider, x.phase,
           x.failure_count, x.success_count, x.failures_total,
           x.successes_total, x.last_failure, x.retry_after);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_breakers& x) {
  return f(caf::meta::type_name("get_breakers"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, breaker_list& x) {
  return f(caf::meta::type_name("breaker_list"), x.ctx, x.breakers);
}

} // namespace tunerd
