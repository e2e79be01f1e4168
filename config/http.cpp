#include "config/sections.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace tunerd::config {

namespace {

/// Splits HOST:PORT or [HOST]:PORT. @returns whether it is one.
bool split(const std::string& listen, http& out) {
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0)
    return false;
  out.host = listen.substr(0, colon);
  if (out.host.front() == '[' && out.host.back() == ']')
    out.host = out.host.substr(1, out.host.size() - 2);
  const auto* end = listen.data() + listen.size();
  const auto [ptr, ec]
    = std::from_chars(listen.data() + colon + 1, end, out.port);
  return ec == std::errc{} && ptr == end && !out.host.empty();
}

} // namespace

bool is_loopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1)
    return (ntohl(v4.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1)
    return IN6_IS_ADDR_LOOPBACK(&v6) != 0;
  return host == "localhost";
}

void read_section(reader& in, http& out) {
  auto listen = out.host + ":" + std::to_string(out.port);
  in.read("tunerd.http.listen", listen);
  if (!split(listen, out))
    throw in.wrong("tunerd.http.listen", "HOST:PORT");
  in.read("tunerd.http.allowed_hosts", out.allowed_hosts);
}

} // namespace tunerd::config
