#include "actors/http_gateway/request.hpp"

#include "actors/http_gateway/guard.hpp"

namespace tunerd::rest {

std::optional<refusal> interpret(const http_call& x,
                                 const std::vector<std::string>& allowed_hosts,
                                 request& out) {
  if (auto bad = guard(x.headers, !x.body.empty(), allowed_hosts))
    return bad;
  auto where = parse_target(x.target);
  if (auto* bad = std::get_if<refusal>(&where))
    return std::move(*bad);
  auto& goal = std::get<target>(where);
  auto found = find_route(x.method, goal.path);
  if (auto* bad = std::get_if<refusal>(&found))
    return std::move(*bad);
  auto& match = std::get<matched>(found);
  out.route = match.found.path;
  out.to = match.found.to;
  out.parameters = std::move(match.parameters);
  out.query_parameters = std::move(goal.parameters);
  if (match.found.level && out.who.level < *match.found.level)
    return refusal{.status = 403,
                   .error = "permission_denied",
                   .message = "your level is too low for this"};
  return std::nullopt;
}

} // namespace tunerd::rest
