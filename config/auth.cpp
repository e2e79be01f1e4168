#include "config/sections.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace tunerd::config {

namespace {

using bytes = std::array<uint8_t, 16>;

/// Fills `out` with the address in `text`; IPv4 as IPv6 (::ffff:a.b.c.d).
/// @returns how many bits were put in front of it, or -1 if it is none.
int parse_address(const std::string& text, bytes& out) {
  if (inet_pton(AF_INET6, text.c_str(), out.data()) == 1)
    return 0;
  out = {};
  out[10] = out[11] = 0xff;
  return inet_pton(AF_INET, text.c_str(), out.data() + 12) == 1 ? 96 : -1;
}

bool has_prefix(const bytes& address, const network& x) {
  for (int32_t bit = 0; bit < x.bits; ++bit) {
    const auto byte = static_cast<size_t>(bit) / 8;
    const auto mask = static_cast<uint8_t>(0x80U >> (bit % 8));
    if ((address[byte] & mask) != (x.address[byte] & mask))
      return false;
  }
  return true;
}

using namespace std::chrono_literals;

std::vector<network> read_networks(reader& in, const std::string& key) {
  std::vector<std::string> texts;
  in.read(key.c_str(), texts);
  std::vector<network> result(texts.size());
  for (size_t i = 0; i < texts.size(); ++i)
    if (!parse_network(texts[i], result[i]))
      throw in.wrong(key, "addresses or networks such as 10.0.0.0/8, not '"
                            + texts[i] + "'");
  return result;
}

std::string value_of(const reader::list_entry& x, const std::string& key) {
  const auto i = x.values.find(key);
  return i == x.values.end() ? std::string{} : i->second;
}

bool is_sha256(const std::string& text) {
  return text.size() == 64
         && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

token to_token(const reader::list_entry& x) {
  token out{.name = value_of(x, "name"),
            .sha256 = value_of(x, "sha256"),
            .user_id = value_of(x, "user_id"),
            .org_id = value_of(x, "org_id"),
            .team_id = value_of(x, "team_id")};
  if (out.name.empty() || out.name.size() > 64)
    throw error{x.where + ".name: want 1 to 64 characters"};
  if (!is_sha256(out.sha256))
    throw error{x.where + ".sha256: want 64 lower-case hex digits"};
  const auto level = parse_caller_level(value_of(x, "level"));
  if (!level)
    throw error{x.where + ".level: found '" + value_of(x, "level")
                + "', want viewer, researcher, lead or admin"};
  out.level = *level;
  if (out.user_id.empty())
    out.user_id = out.name;
  return out;
}

std::vector<token> read_tokens(reader& in) {
  std::vector<token> result;
  std::set<std::string> taken;
  for (const auto& x : in.read_items(
         "tunerd.auth.tokens",
         {"name", "sha256", "level", "user_id", "org_id", "team_id"}, "name")) {
    result.push_back(to_token(x));
    if (!taken.insert(result.back().name).second)
      throw error{x.where + ".name: '" + result.back().name
                  + "' is there twice"};
    if (!taken.insert(result.back().sha256).second)
      throw error{x.where + ".sha256: another token has it"};
  }
  return result;
}

} // namespace

void read_section(reader& in, auth& out) {
  out.tokens = read_tokens(in);
  in.read("auth.bypass_paths", out.bypass_paths);
  for (const auto& path : out.bypass_paths)
    if (path.size() < 2 || path.front() != '/')
      throw in.wrong("auth.bypass_paths", "paths such as /api/metrics");
  in.read("network.trust_proxy_headers", out.trust_proxy_headers);
  out.trusted_proxies = read_networks(in, "network.trusted_proxies");
  in.read("network.bypass_auth_for_internal", out.bypass_auth_for_internal);
  out.internal_networks = read_networks(in, "network.internal_networks");
  in.read({"tunerd.http.rate_limit_calls", "RATE_LIMIT_CALLS"},
          out.rate_limit_calls, 0, 1'000'000);
  in.read({"tunerd.http.rate_limit_period_seconds", "RATE_LIMIT_PERIOD"},
          out.rate_limit_period, 1s, std::chrono::seconds{1h});
}

bool parse_network(const std::string& text, network& out) {
  const auto slash = text.find('/');
  const auto front = parse_address(text.substr(0, slash), out.address);
  out.bits = 128;
  if (front < 0 || slash == std::string::npos)
    return front >= 0;
  const auto* end = text.data() + text.size();
  const auto [ptr, ec]
    = std::from_chars(text.data() + slash + 1, end, out.bits);
  out.bits += front;
  return ec == std::errc{} && ptr == end && out.bits >= front
         && out.bits <= 128;
}

bool contains(const std::vector<network>& networks, const std::string& text) {
  bytes address{};
  return parse_address(text, address) >= 0
         && std::any_of(
           networks.begin(), networks.end(),
           [&](const network& x) { return has_prefix(address, x); });
}

} // namespace tunerd::config
