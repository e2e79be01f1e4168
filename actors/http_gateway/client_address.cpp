#include "actors/http_gateway/client_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace tunerd::rest {

namespace {

/// @returns the address in `text` as inet_ntop writes it; "" if it is none.
std::string canonical(const std::string& text) {
  std::array<char, INET6_ADDRSTRLEN> out{};
  in6_addr v6{};
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1)
    return inet_ntop(AF_INET, &v4, out.data(), out.size());
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1)
    return {};
  if (IN6_IS_ADDR_V4MAPPED(&v6))
    return inet_ntop(AF_INET, &v6.s6_addr[12], out.data(), out.size());
  return inet_ntop(AF_INET6, &v6, out.data(), out.size());
}

/// @returns the address of a hop, which proxies write as "1.2.3.4",
/// "1.2.3.4:5", "::1" or "[::1]:5".
std::string address_of(std::string_view hop) {
  const auto begin = hop.find_first_not_of(" \t");
  if (begin == hop.npos)
    return {};
  hop = hop.substr(begin, hop.find_last_not_of(" \t") - begin + 1);
  if (hop.starts_with('[')) {
    const auto end = hop.find(']');
    return end == hop.npos ? ""
                           : canonical(std::string{hop.substr(1, end - 1)});
  }
  if (std::count(hop.begin(), hop.end(), ':') == 1)
    hop = hop.substr(0, hop.find(':'));
  return canonical(std::string{hop});
}

/// @returns the hops of all X-Forwarded-For headers, the nearest first.
std::vector<std::string_view> hops(const http_headers& headers) {
  std::vector<std::string_view> out;
  for (const auto& [name, value] : headers) {
    if (name != "x-forwarded-for")
      continue;
    for (std::string_view rest{value};;) {
      const auto comma = rest.find(',');
      out.push_back(rest.substr(0, comma));
      if (comma == rest.npos)
        break;
      rest.remove_prefix(comma + 1);
    }
  }
  std::reverse(out.begin(), out.end());
  return out;
}

} // namespace

std::string client_address(const config::auth& rules, const std::string& peer,
                           const http_headers& headers) {
  auto client = canonical(peer);
  if (!rules.trust_proxy_headers)
    return client;
  for (const auto hop : hops(headers)) {
    if (!config::contains(rules.trusted_proxies, client))
      break;
    client = address_of(hop);
  }
  return client;
}

} // namespace tunerd::rest
