#pragma once

#include <caf/error.hpp>
#include <caf/make_message.hpp> // CAF_ERROR_CODE_ENUM needs it

#include <cstdint>
#include <string>

namespace tunerd {

/// Why an operation failed. Numbers are explicit and append-only: they reach
/// logs and other nodes. The names are the codes of the HTTP API.
enum class ec : uint8_t {
  /// A setting is missing, unknown or out of range. Fatal at start-up.
  invalid_config = 1,
  /// A request has the wrong shape or a value out of range. Permanent.
  validation_error = 2,
  /// No such job. Permanent.
  job_not_found = 3,
  /// The state the change leaves is not the state found. Permanent; read again.
  conflict = 4,
  /// The caller may not do this. Permanent.
  permission_denied = 5,
  /// The store could not commit; nothing of the command took effect.
  /// Transient.
  database_error = 6,
  /// The worker is being restarted. Transient; ask again in a second.
  worker_restarting = 7,
  /// The provider knows no such job.
  no_such_provider_job = 8,
  /// The provider answered with an error, or unreadably. Transient.
  provider_error = 9,
  /// The provider did not answer in time, or not at all. Transient.
  provider_timeout = 10,
  /// The provider wants fewer calls (429). Transient.
  provider_throttled = 11,
  /// The provider refuses our credential (401, 402, 403). Transient: an
  /// operator must act, then it goes on by itself.
  provider_unavailable = 12,
  /// A bounded queue is full. Transient.
  overloaded = 13,
  /// No provider of that name is configured. Permanent.
  unknown_provider = 14,
  /// No such rule, request, worker or setting. Permanent.
  not_found = 15,
  /// The provider's cost limit leaves no room for this job. Permanent.
  cost_limit_exceeded = 16,
  /// A webhook's signature or time is missing or wrong. Permanent.
  invalid_signature = 17,
  /// The address may not send webhooks. Permanent.
  ip_not_allowed = 18,
};

/// @relates ec
std::string to_string(ec code);

/// @returns `err` for a log reader, e.g. "conflict: job j1 is completed". Also
/// understands CAF's own errors and those of `error_from_exception`.
/// @relates ec
std::string render(const caf::error& err);

/// @returns the code in `err`; CAF's time-outs are `provider_timeout` to no
/// one: they, dead receivers and everything foreign are `worker_restarting`.
/// @relates ec
ec code_of(const caf::error& err);

/// @returns whether trying again later may succeed.
/// @relates ec
bool is_transient(const caf::error& err);

/// @returns an error with a text for people.
/// @relates ec
caf::error make_error(ec code, std::string text);

} // namespace tunerd

CAF_ERROR_CODE_ENUM(tunerd::ec, "tunerd")
