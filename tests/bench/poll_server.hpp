#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <sys/types.h>

namespace tunerd::bench {

/// A provider on loopback that has `jobs` running jobs, "x0" to "xN", and
/// answers each call `latency` after it came: single jobs and pages of 100. A
/// process of its own, so that its CPU and memory are not ours; it ends with
/// this object. Make it before there are threads.
class poll_server {
public:
  poll_server(int64_t jobs, std::chrono::milliseconds latency);
  ~poll_server();
  poll_server(const poll_server&) = delete;
  poll_server& operator=(const poll_server&) = delete;

  uint16_t port() const {
    return port_;
  }

  /// Without a slash at the end.
  std::string base_url() const;

private:
  pid_t process_ = -1;
  uint16_t port_ = 0;
};

/// @returns the seconds that each of `calls` calls took a client that makes one
/// after the other on one connection.
double seconds_per_sequential_call(const poll_server& there, int calls);

} // namespace tunerd::bench
