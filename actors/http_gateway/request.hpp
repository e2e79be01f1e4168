#pragma once

#include "actors/http_gateway/authentication.hpp"
#include "actors/http_gateway/refusal.hpp"
#include "actors/http_gateway/routes.hpp"
#include "actors/http_gateway/submission.hpp"
#include "actors/http_gateway/target.hpp"
#include "messages/callers.hpp"
#include "messages/context.hpp"
#include "messages/http.hpp"

#include <caf/actor_clock.hpp>

#include <map>
#include <memory>
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
  /// The rules that let the caller in.
  std::shared_ptr<const config::auth> rules = nullptr;
  caller who = {};
  /// By what `who` was recognised.
  proof known_by = proof::open;
  /// Address of the peer.
  std::string peer = {};
  /// Address of the client, proxies resolved; see `client_address`.
  std::string client = {};
  http_headers headers = {};

  /// Template of the route; "unmatched" until `locate` found one.
  std::string route = "unmatched";
  /// Where it leads; none if nowhere.
  std::optional<endpoint> to = std::nullopt;
  /// The lowest level that may call it; none: no token is needed.
  std::optional<caller_level> level = std::nullopt;
  /// Segments of the path, decoded.
  std::vector<std::string> path = {};
  /// Values from the path.
  std::map<std::string, std::string> parameters = {};
  /// Values from the query.
  query query_parameters = {};

  /// Goes with its answer: what is left of its rate.
  http_headers reply_headers = {};
};

/// Finds out where `x` goes; fills that part of `out`.
/// @returns 400, 404 or 405, or none.
std::optional<refusal> locate(const http_call& x, request& out);

/// Finds out who calls; fills that part of `out`, whose place, headers and
/// client are known. @returns 401, or none.
std::optional<refusal> recognise(const config::auth& rules, request& out);

/// @returns who counts against the limits of streams: without tokens all users
/// are one, so who shows none is known by its address.
std::string stream_client(const request& x);

/// @returns 401 if `now` does not let in, as the same caller, who was let in
/// by `x.rules`, or none. For what goes on after the answer has begun.
std::optional<refusal> permit_still(const request& x, const config::auth& now);

/// @returns 403 if the level of `x.who` is below that of the route, or none.
std::optional<refusal> permit(const request& x);

} // namespace tunerd::rest
