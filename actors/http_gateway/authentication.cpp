#include "actors/http_gateway/authentication.hpp"

#include "actors/http_gateway/target.hpp"
#include "messages/fingerprint.hpp"

#include <algorithm>
#include <string_view>

namespace tunerd::rest {

namespace {

refusal unauthorised(const char* code, const char* message) {
  return {.status = 401, .error = code, .message = message};
}

/// @returns the token in the value of an Authorization header; "" if it has
/// another scheme.
std::string_view bearer(std::string_view value) {
  constexpr std::string_view scheme = "bearer ";
  const auto same = [](char a, char b) {
    return a == b || (a >= 'A' && a <= 'Z' && (a | 0x20) == b);
  };
  if (value.size() <= scheme.size()
      || !std::equal(scheme.begin(), scheme.end(), value.begin(),
                     [same](char b, char a) { return same(a, b); }))
    return {};
  value.remove_prefix(scheme.size());
  return value.substr(std::min(value.find_first_not_of(' '), value.size()));
}

/// What a request shows to be let in.
struct shown_tokens {
  std::string_view first = {};
  /// It shows two that differ.
  bool disagree = false;

  void add(std::string_view token) {
    if (token.empty())
      return;
    disagree = disagree || (!first.empty() && first != token);
    first = token;
  }
};

shown_tokens tokens_in(const http_headers& headers) {
  shown_tokens out;
  for (const auto& [name, value] : headers)
    if (name == "authorization")
      out.add(bearer(value));
    else if (name == "x-api-key")
      out.add(value);
  return out;
}

/// @returns whether both are the same, in a time that tells nothing about
/// where they differ.
bool equal(const std::string& a, const std::string& b) {
  if (a.size() != b.size())
    return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

const config::token* find_token(const std::vector<config::token>& tokens,
                                std::string_view shown) {
  const auto digest = sha256_hex(std::string{shown});
  const config::token* found = nullptr;
  for (const auto& token : tokens) // all of them, always
    if (equal(token.sha256, digest))
      found = &token;
  return found;
}

caller caller_of(const config::token& token) {
  return {.user_id = token.user_id.empty() ? token.name : token.user_id,
          .org_id = token.org_id,
          .team_id = token.team_id,
          .level = token.level,
          .token = token.name};
}

/// @returns whether `path` is one of `prefixes` or lies below it. Segments
/// are compared as they are decoded: "/metrics" does not open "/metricsx".
bool is_below(const std::vector<std::string>& path,
              const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& text) {
    const auto parsed = parse_target(text);
    const auto* prefix = std::get_if<target>(&parsed);
    return prefix != nullptr && prefix->path.size() <= path.size()
           && std::equal(prefix->path.begin(), prefix->path.end(),
                         path.begin());
  });
}

} // namespace

or_refusal<identity> identify(const config::auth& rules, const visitor& x) {
  if (rules.tokens.empty())
    return identity{{}, proof::open};
  const auto shown = tokens_in(x.headers);
  if (!shown.disagree && !shown.first.empty())
    if (const auto* token = find_token(rules.tokens, shown.first))
      return identity{caller_of(*token), proof::token};
  if (!x.level)
    return identity{};
  if (shown.disagree)
    return unauthorised("authentication_error",
                        "Authorization and X-API-Key show different tokens");
  if (!shown.first.empty())
    return unauthorised("invalid_token", "there is no such token");
  identity out;
  if (*x.level == caller_level::viewer && x.method == "GET"
      && is_below(x.path, rules.bypass_paths)) {
    out.by = proof::bypass_path;
    return out;
  }
  if (*x.level == caller_level::viewer && rules.bypass_auth_for_internal
      && config::contains(rules.internal_networks, x.address)) {
    out.who.user_id = "internal";
    out.by = proof::internal;
    return out;
  }
  return unauthorised("missing_token",
                      "want Authorization: Bearer TOKEN or X-API-Key: TOKEN");
}

} // namespace tunerd::rest
