#include "actors/provider_gateway/public_address.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace tunerd {

namespace {

/// The first `bits` bits of an IPv4 address.
struct network4 {
  uint32_t address;
  int bits;
};

constexpr uint32_t ip4(uint32_t a, uint32_t b, uint32_t c) {
  return a << 24 | b << 16 | c << 8;
}

constexpr std::array closed4{
  network4{ip4(0, 0, 0), 8},       // this network
  network4{ip4(10, 0, 0), 8},      // private
  network4{ip4(100, 64, 0), 10},   // shared (CGNAT)
  network4{ip4(127, 0, 0), 8},     // loopback
  network4{ip4(169, 254, 0), 16},  // link-local, cloud metadata
  network4{ip4(172, 16, 0), 12},   // private
  network4{ip4(192, 0, 0), 24},    // protocol assignments
  network4{ip4(192, 0, 2), 24},    // documentation
  network4{ip4(192, 88, 99), 24},  // 6to4 relays
  network4{ip4(192, 168, 0), 16},  // private
  network4{ip4(198, 18, 0), 15},   // benchmarks
  network4{ip4(198, 51, 100), 24}, // documentation
  network4{ip4(203, 0, 113), 24},  // documentation
  network4{ip4(224, 0, 0), 4},     // multicast
  network4{ip4(240, 0, 0), 4},     // reserved, broadcast
};

bool is_public4(uint32_t address) {
  return std::none_of(closed4.begin(), closed4.end(), [=](const network4& x) {
    return (address ^ x.address) >> (32 - x.bits) == 0;
  });
}

/// The first 32 bits decide about all of IPv6 that is assigned.
bool is_public6(uint32_t front) {
  if (front >> 29 != 1) // 2000::/3 is what is routed at all
    return false;
  return front >> 9 != 0x20010000 >> 9 // 2001::/23: Teredo, ORCHID, ...
         && front != 0x20010db8        // documentation
         && front >> 16 != 0x2002      // 6to4, IPv4 inside
         && front >> 12 != 0x3fff0;    // documentation
}

uint32_t word(const std::array<uint8_t, 16>& x, size_t at) {
  return uint32_t{x[at]} << 24 | uint32_t{x[at + 1]} << 16
         | uint32_t{x[at + 2]} << 8 | x[at + 3];
}

bool begins_with(const std::array<uint8_t, 16>& x, std::string_view front) {
  return std::memcmp(x.data(), front.data(), front.size()) == 0;
}

} // namespace

bool is_public(const std::array<uint8_t, 16>& address) {
  using namespace std::string_view_literals;
  // IPv4 in the shape of IPv6, and behind a translator (NAT64).
  if (begins_with(address, "\0\0\0\0\0\0\0\0\0\0\xff\xff"sv)
      || begins_with(address, "\0\x64\xff\x9b\0\0\0\0\0\0\0\0"sv))
    return is_public4(word(address, 12));
  return is_public6(word(address, 0));
}

bool is_public(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return is_public4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6)
    return false;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  std::array<uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return is_public(bytes);
}

} // namespace tunerd
