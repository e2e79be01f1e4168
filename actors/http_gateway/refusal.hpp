#pragma once

#include "actors/support/http_server.hpp"
#include "messages/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <variant>

// What the HTTP GATEWAY answers instead of a result (REFERENCE 3, errors), and
// how an answer becomes bytes. Pure.

namespace tunerd::rest {

/// Why a request is not served.
struct refusal {
  int status = 400;
  /// A code of the API.
  std::string error = "validation_error";
  /// For people. Says nothing about our insides.
  std::string message = {};
  /// The field or parameter that is wrong; empty if none is.
  std::string field = {};
  /// Where a body stops being JSON, counted from 1; 0 if it does not.
  int64_t line = 0;
  int64_t column = 0;
  int64_t byte = 0;
  /// 0 for no `Retry-After`.
  int retry_after_seconds = 0;
  /// The methods a path has, for 405.
  std::string allow = {};
};

/// What a pure step gives: its result or the reason why there is none.
template <class T>
using or_refusal = std::variant<T, refusal>;

/// @returns 400 that names `field`, e.g. "limit: want 1 to 500".
refusal invalid(const std::string& field, const std::string& want);

/// @returns 503 service_unavailable, worth another try in a second.
refusal unavailable(std::string message);

/// @returns what the error of an actor is to an HTTP client.
/// @param on_conflict Code of a 409: it depends on what was asked.
refusal refusal_of(const caf::error& err,
                   const std::string& on_conflict = "invalid_job_state");

/// @returns `x` with the id that every response carries.
http_reply to_reply(const refusal& x, const std::string& correlation_id);

/// @returns `body` with the id that every response carries. Bad UTF-8 in it is
/// replaced.
http_reply to_reply(const nlohmann::ordered_json& body, int status,
                    const std::string& correlation_id);

/// @returns `text`, cut to `bytes_max`.
std::string cut(std::string text, size_t bytes_max);

} // namespace tunerd::rest
