#pragma once

#include "messages/callers.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tunerd::config {

/// One entry of `tunerd.auth.tokens`.
struct token {
  /// Of the token, for people and the audit log. Unique.
  std::string name;
  /// SHA-256 of the token, 64 lower-case hex digits.
  std::string sha256 = {};
  caller_level level = caller_level::viewer;
  /// Defaults to the name.
  std::string user_id = {};
  std::string org_id = {};
  std::string team_id = {};
};

/// A network in CIDR notation, or one address.
struct network {
  /// 16 bytes; IPv4 addresses mapped into IPv6.
  std::array<uint8_t, 16> address{};
  /// How many leading bits count, 0 to 128.
  int32_t bits = 128;
};

/// @returns whether `text` is an address or network; fills `out` then.
bool parse_network(const std::string& text, network& out);

/// @returns whether the address `text` lies in one of `networks`; false if it
/// is none.
bool contains(const std::vector<network>& networks, const std::string& text);

/// Sections `tunerd.auth`, `auth`, `network`: who may call, and how fast. Can
/// be reloaded.
struct auth {
  /// None: everybody is admin, on loopback only.
  std::vector<token> tokens = {};
  /// Path prefixes that GET needs no token for. Key: `auth.bypass_paths`.
  std::vector<std::string> bypass_paths = {};
  /// Whether X-Forwarded-For of trusted proxies counts. Key:
  /// `network.trust_proxy_headers`.
  bool trust_proxy_headers = false;
  /// Key: `network.trusted_proxies`.
  std::vector<network> trusted_proxies = {};
  /// Whether callers from `internal_networks` are viewers without a token.
  /// Key: `network.bypass_auth_for_internal`.
  bool bypass_auth_for_internal = false;
  /// Key: `network.internal_networks`.
  std::vector<network> internal_networks = {};

  /// Calls of a client per period to routes without a rate of their own; 0: no
  /// rate counts at all. Range: 0 to 1,000,000. Key:
  /// `tunerd.http.rate_limit_calls`; RATE_LIMIT_CALLS.
  int32_t rate_limit_calls = 100;
  /// Range: 1 s to 1 h. Key: `tunerd.http.rate_limit_period_seconds`;
  /// RATE_LIMIT_PERIOD.
  std::chrono::seconds rate_limit_period{60};
};

} // namespace tunerd::config
