#pragma once

#include "actors/http_gateway/refusal.hpp"
#include "messages/callers.hpp"
#include "messages/jobs.hpp"
#include "messages/providers.hpp"

#include <string>
#include <vector>

namespace tunerd::rest {

/// A request to submit a job, read and checked as far as it goes without the
/// provider.
struct submission {
  /// What the provider gateway is asked; without context.
  prepare_job wanted = {};
  std::string config_name = {};
  /// Whose job it is; the level is that of who submits it.
  caller owner = {};
  std::string idempotency_key = {};
  /// Of everything the body says, however it is spaced and ordered; empty
  /// without a key.
  std::string request_hash = {};
  caf::optional<int64_t> estimated_cost_micros = caf::none;
  caf::optional<int32_t> priority_override = caf::none;
  /// Until the provider shall end the job; 0 for as long as it allows.
  caf::timespan max_runtime = caf::timespan{0};
  bool requires_approval = false;
  caf::optional<caf::timespan> approval_deadline = caf::none;
  std::string upload_id = {};
  /// A JSON object as text: what is kept for people and other programs.
  std::string metadata = "{}";
  /// What the body says without effect.
  std::vector<std::string> warnings = {};
};

/// @param provider From the path or the query.
/// @param who Who submits. Setting a priority takes a lead, submitting for
/// others an admin: else 403.
or_refusal<submission> parse_submission(const std::string& body,
                                        const std::string& provider,
                                        const caller& who);

/// @returns the job of `x`, ready to be stored.
job make_job(const submission& x, const job_prepared& prepared, std::string id,
             int32_t max_attempts);

/// @returns the priority of jobs submitted at `level`.
int32_t priority_of(caller_level level);

} // namespace tunerd::rest
