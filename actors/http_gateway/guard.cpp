#include "actors/http_gateway/guard.hpp"

#include "actors/support/correlation_id.hpp"

#include <algorithm>
#include <string_view>

namespace tunerd::rest {

namespace {

/// Host and port of a Host header or an origin. No port: the default one.
struct authority {
  std::string host = {};
  std::string port = {};
};

std::string lower(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c | 0x20);
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == text.npos)
    return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// @returns whether `text` is "host", "host:port", "[v6]" or "[v6]:port".
bool parse_authority(std::string_view text, authority& out) {
  const auto end = text.starts_with('[') ? text.find(']') + 1 : text.find(':');
  const auto host = text.substr(0, std::min(end, text.size()));
  auto port = text.substr(host.size());
  if (host.empty() || (!port.empty() && port[0] != ':'))
    return false;
  port = port.substr(port.empty() ? 0 : 1);
  out = {lower(host), std::string{port}};
  return port.size() <= 5 && port.find_first_not_of("0123456789") == port.npos;
}

bool is_allowed(const std::string& host,
                const std::vector<std::string>& allowed_hosts) {
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]"
         || std::any_of(allowed_hosts.begin(), allowed_hosts.end(),
                        [&host](const auto& x) { return lower(x) == host; });
}

/// @returns whether `origin` is where `host` itself is served.
bool is_own(std::string_view origin, authority host) {
  const auto secure = origin.starts_with("https://");
  if (!secure && !origin.starts_with("http://"))
    return false; // "null" among them
  authority from;
  if (!parse_authority(origin.substr(secure ? 8 : 7), from))
    return false;
  for (auto* x : {&from, &host})
    if (x->port.empty())
      x->port = secure ? "443" : "80";
  return from.host == host.host && from.port == host.port;
}

refusal forbidden(std::string message) {
  return {.status = 403,
          .error = "authorization_error",
          .message = std::move(message)};
}

bool is_forwarded(const std::string& name) {
  return name == "forwarded" || name.starts_with("x-forwarded-");
}

/// The rules for what only browsers send.
std::optional<refusal> check_browser(const http_headers& headers,
                                     const std::vector<std::string>& allowed) {
  const auto hosts
    = std::count_if(headers.begin(), headers.end(),
                    [](const auto& x) { return x.first == "host"; });
  authority host;
  if (hosts != 1 || !parse_authority(trimmed(header(headers, "host")), host)
      || !is_allowed(host.host, allowed))
    return forbidden("Host: not a name of this server; see http.allowed_hosts");
  for (const auto& [name, value] : headers)
    if (name == "origin" && !is_own(trimmed(value), host))
      return forbidden("Origin: other web pages may not call this server");
    else if (name == "sec-fetch-site" && lower(trimmed(value)) == "cross-site")
      return forbidden("Sec-Fetch-Site: other sites may not call this server");
  return std::nullopt;
}

bool is_json(const std::string& content_type) {
  const auto type = content_type.substr(0, content_type.find(';'));
  return lower(trimmed(type)) == "application/json";
}

} // namespace

std::optional<refusal> guard(const http_headers& headers, bool has_body,
                             const guard_rules& rules) {
  if (!rules.is_webhook)
    if (auto bad = check_browser(headers, rules.allowed_hosts))
      return bad;
  if (!rules.has_tokens
      && std::any_of(headers.begin(), headers.end(),
                     [](const auto& x) { return is_forwarded(x.first); }))
    return forbidden("Forwarded headers are refused while no tokens are "
                     "configured");
  if (has_body && !is_json(header(headers, "content-type")))
    return refusal{.status = 415,
                   .error = "invalid_payload",
                   .message = "Content-Type: want application/json",
                   .field = "Content-Type"};
  return std::nullopt;
}

std::string correlation_id_of(const http_headers& headers) {
  auto value = header(headers, "x-correlation-id");
  return is_correlation_id(value) ? value : std::string{};
}

} // namespace tunerd::rest
