#pragma once

#include "actors/replicate_simulator/replicate_model.hpp"
#include "messages/http.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

// Reading what a client of the simulated API sends. What is wrong throws
// std::invalid_argument, naming the field.

namespace tunerd::simulated {

/// One call with its target taken apart. Borrows the call.
struct api_request {
  api_request(const http_call& made, timestamp at);

  /// @returns whether it is `method` on a path of that many parts.
  bool is(std::string_view method, size_t parts) const;

  /// @returns the base of all addresses, by the name the client has for us.
  std::string base_url() const;

  /// @returns what the query asks a list for.
  list_query wanted_list() const;

  /// @returns the address of the page behind the prediction `serial`.
  std::string next_page(uint64_t serial) const;

  const http_call& call;
  timestamp now;
  std::string correlation_id;
  /// Never empty.
  std::vector<std::string> path;
  /// Values are percent-decoded.
  std::map<std::string, std::string> query = {};

private:
  std::string query_value(const std::string& name) const;
};

/// Names of the input fields that mark whose and which job it is.
struct marker_fields {
  std::string user = "user";
  std::string job = "job";
};

/// @param text As in a header Cancel-After: "90s", "5m", "2h30m", at least 5
/// seconds; empty is none.
std::optional<std::chrono::milliseconds> read_lifetime(std::string_view text);

/// Reads the body of a creation: {"version", "input"}, where the input may say
/// {"simulate": {"queue_ms", "run_ms", "outcome", "error"}}.
/// @param becomes What it becomes if it does not say.
submission read_submission(const std::string& body, fate becomes,
                           const marker_fields& markers);

} // namespace tunerd::simulated
