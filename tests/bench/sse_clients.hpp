#pragma once

#include "tests/bench/bench.hpp"

#include <cstdint>
#include <string>
#include <sys/types.h>

namespace tunerd::bench {

/// Stands before the time, in nanoseconds of `steady`, that an event carries
/// in its data; occurs nowhere else on a stream.
constexpr char time_mark = '@';

/// @returns `time_mark` and what `steady` says now, 19 digits.
std::string marked_now();

/// Subscribers of one HTTP stream each, on loopback. A process of its own with
/// one thread and epoll; it ends with this object. Make it before there are
/// threads.
class sse_clients {
public:
  sse_clients();
  ~sse_clients();
  sse_clients(const sse_clients&) = delete;
  sse_clients& operator=(const sse_clients&) = delete;

  /// Connects `count` more. Blocks until each has got something, or, if they
  /// do not read, until each has asked.
  /// @throws std::runtime_error if that takes a minute.
  void connect(uint16_t port, const std::string& path, int count, bool read);

  /// Forgets what was counted.
  void reset();

  /// @returns how many events came since `reset`.
  uint64_t events() const;

  /// Waits until `count` events have come since `reset`.
  /// @throws std::runtime_error if none comes for half a minute.
  void await(uint64_t count) const;

  /// @returns the percentiles of the time from mark to arrival since `reset`,
  /// in milliseconds, to a tenth.
  json latency_ms() const;

private:
  struct board;
  void command(uint32_t what);

  board* board_;
  pid_t process_ = -1;
};

} // namespace tunerd::bench
