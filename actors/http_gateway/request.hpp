#pragma once

#include "actors/http_gateway/refusal.hpp"
#include "actors/http_gateway/routes.hpp"
#include "actors/http_gateway/submission.hpp"
#include "actors/http_gateway/target.hpp"
#include "messages/callers.hpp"
#include "messages/context.hpp"
#include "messages/http.hpp"

#include <caf/actor_clock.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tunerd::rest {

/// A request on its way through the HTTP GATEWAY, without its body.
struct request {
  /// Names the exchange in the server.
  uint64_t id = 0;
  context ctx = {};
  std::string method = {};
  caf::actor_clock::time_point arrived = {};
  caller who = {};
  /// Address of the peer.
  std::string peer = {};
  http_headers headers = {};

  /// Template of the route; "unmatched" until `interpret` found one.
  std::string route = "unmatched";
  endpoint to = endpoint::alive;
  /// Values from the path.
  std::map<std::string, std::string> parameters = {};
  /// Values from the query.
  query query_parameters = {};
};

/// Judges `x` and finds out where it goes; fills in the rest of `out`.
/// @returns why it is not served, or none.
std::optional<refusal> interpret(const http_call& x,
                                 const std::vector<std::string>& allowed_hosts,
                                 request& out);

} // namespace tunerd::rest
