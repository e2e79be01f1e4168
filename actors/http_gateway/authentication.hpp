#pragma once

#include "actors/http_gateway/refusal.hpp"
#include "config/auth.hpp"
#include "messages/callers.hpp"
#include "messages/http.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tunerd::rest {

/// What a request shows of its caller, and what it wants.
struct visitor {
  const http_headers& headers;
  const std::string& method;
  /// Segments of the path, decoded.
  const std::vector<std::string>& path;
  /// See `client_address`.
  const std::string& address;
  /// The lowest level that its route asks for; none: no token is needed.
  std::optional<caller_level> level = std::nullopt;
};

/// By what a caller was recognised.
enum class proof : uint8_t {
  /// By nothing, and the route does not mind.
  none,
  /// There are no tokens: everybody is admin, on loopback only.
  open,
  token,
  /// The path needs no token.
  bypass_path,
  /// The address needs no token.
  internal,
};

/// Who calls. Whoever shows no token is a viewer of nothing: a user that owns
/// no job.
struct identity {
  caller who = {.user_id = "anonymous", .level = caller_level::viewer};
  proof by = proof::none;
};

/// @returns who calls, or 401. A bad token is ignored where none is needed.
/// What needs no token because of its path or address is for viewers: a route
/// above that asks for one. Takes the same time whichever token it is.
or_refusal<identity> identify(const config::auth& rules, const visitor& x);

} // namespace tunerd::rest
