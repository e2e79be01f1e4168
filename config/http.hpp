#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tunerd::config {

/// Section `tunerd.http`.
struct http {
  /// Address to listen on; port 0 takes a free one. A loopback address unless
  /// tokens are configured. Key: `listen`, as HOST:PORT.
  std::string host = "127.0.0.1";
  uint16_t port = 8770;

  /// Values of the Host header accepted besides localhost, 127.0.0.1 and
  /// [::1], without port. Key: `allowed_hosts`.
  std::vector<std::string> allowed_hosts = {};
};

/// @returns whether `host` is an address of this machine alone.
bool is_loopback(const std::string& host);

} // namespace tunerd::config
