#pragma once

#include "actors/http_gateway/refusal.hpp"
#include "messages/http.hpp"

#include <optional>
#include <string>
#include <vector>

// A browser is not a trusted caller (DESIGN 11): any web page may make it send
// requests to a loopback address, and DNS rebinding lets it read the answers.
// What gives such a request away are headers that no page can set or leave out.

namespace tunerd::rest {

/// What else decides whether a request is served.
struct guard_rules {
  const std::vector<std::string>& allowed_hosts;
  /// Then proxies may stand in between.
  bool has_tokens = false;
  /// A delivery from a provider. It has no browser's headers to judge and may
  /// name any host under which a tunnel leads here: its signature decides.
  bool is_webhook = false;
};

/// @returns why a request must not be served, on whatever route:
/// * Host is not exactly one of localhost, 127.0.0.1, [::1] and
///   `allowed_hosts`, with any port (rebinding);
/// * Origin is another one than the host's, or Sec-Fetch-Site is cross-site;
/// * a body is not application/json, which forms cannot send;
/// * a Forwarded or X-Forwarded-* header is there and there are no tokens:
///   everybody is admin then, so a proxy would open tunerd to its clients.
std::optional<refusal> guard(const http_headers& headers, bool has_body,
                             const guard_rules& rules);

/// @returns the value of X-Correlation-ID if it is one: 1-128 of
/// `A-Z a-z 0-9 . _ : -`; else "".
std::string correlation_id_of(const http_headers& headers);

} // namespace tunerd::rest
