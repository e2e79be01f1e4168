#include "config/sections.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

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

} // namespace

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
