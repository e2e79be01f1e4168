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

/// @returns why a request must not be served, on whatever route:
/// * Host is not exactly one of localhost, 127.0.0.1, [::1] and
///   `allowed_hosts`, with any port (rebinding);
/// * Origin is another one than the host's, or Sec-Fetch-Site is cross-site;
/// * a body is not application/json, which forms cannot send;
/// * a Forwarded or X-Forwarded-* header is there: with no tokens everybody is
///   admin, so a proxy would open tunerd to its clients.
std::optional<refusal> guard(const http_headers& headers, bool has_body,
                             const std::vector<std::string>& allowed_hosts);

/// @returns the value of X-Correlation-ID if it is one: 1-128 of
/// `A-Z a-z 0-9 . _ : -`; else "".
std::string correlation_id_of(const http_headers& headers);

} // namespace tunerd::rest
