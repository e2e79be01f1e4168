#include "actors/http_gateway/request.hpp"

#include "config/access.hpp"

namespace tunerd::rest {

std::optional<refusal> locate(const http_call& x, request& out) {
  auto where = parse_target(x.target);
  if (auto* bad = std::get_if<refusal>(&where))
    return std::move(*bad);
  auto& goal = std::get<target>(where);
  out.path = std::move(goal.path);
  out.query_parameters = std::move(goal.parameters);
  auto found = find_route(x.method, out.path);
  if (auto* bad = std::get_if<refusal>(&found))
    return std::move(*bad);
  auto& match = std::get<matched>(found);
  out.route = match.found.path;
  out.to = match.found.to;
  out.level = match.found.level;
  out.parameters = std::move(match.parameters);
  return std::nullopt;
}

std::optional<refusal> recognise(const config::auth& rules, request& out) {
  auto found = identify(rules, {.headers = out.headers,
                                .method = out.method,
                                .path = out.path,
                                .address = out.client,
                                .level = out.level});
  if (auto* bad = std::get_if<refusal>(&found)) {
    out.who = identity{}.who;
    out.known_by = proof::none;
    return std::move(*bad);
  }
  auto& [who, by] = std::get<identity>(found);
  out.who = std::move(who);
  out.known_by = by;
  return std::nullopt;
}

std::string stream_client(const request& x) {
  return x.known_by == proof::token ? x.who.user_id : x.client;
}

std::optional<refusal> permit_still(const request& x, const config::auth& now) {
  if (!x.rules || config::keeps_access(*x.rules, now, x.who.token))
    return std::nullopt;
  return refusal{.status = 401,
                 .error = "invalid_token",
                 .message = "what let you in is no longer valid"};
}

std::optional<refusal> permit(const request& x) {
  if (!x.level || x.who.level >= *x.level)
    return std::nullopt;
  return refusal{.status = 403,
                 .error = "permission_denied",
                 .message = "your level is too low for this"};
}

} // namespace tunerd::rest
