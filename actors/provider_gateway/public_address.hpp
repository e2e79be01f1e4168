#pragma once

#include <array>
#include <cstdint>

struct sockaddr;

namespace tunerd {

/// @returns whether `address` (16 bytes; IPv4 as ::ffff:a.b.c.d) is one of the
/// public internet's: not private, loopback, link-local, shared (CGNAT),
/// multicast, reserved, nor one that carries such an IPv4 address inside.
bool is_public(const std::array<uint8_t, 16>& address);

/// The same for an address as sockets have it; false if it is neither IPv4 nor
/// IPv6.
bool is_public(const sockaddr& address);

} // namespace tunerd
