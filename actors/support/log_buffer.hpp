#pragma once

#include "messages/logs.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace tunerd {

/// Where finished lines wait for whoever writes them.
///
/// Nobody waits for room: DEBUG and INFO are dropped when three quarters are
/// full, the rest is for WARNING and above, and when that is full too these go
/// to the emergency descriptor at once. What went nowhere is counted.
class log_buffer {
public:
  /// @param capacity_bytes Allocated now, twice with what `take` swaps in.
  /// @param emergency_fd Not owned; written to only as far as it takes bytes
  ///        without blocking.
  log_buffer(size_t capacity_bytes, int emergency_fd);

  /// Keeps a copy of the line, which ends in a line break. Any thread; never
  /// throws. Calls the wake-up of the first line after a `take`.
  void push(log_level level, std::string_view line) noexcept;

  /// Counts a line that could not be made.
  void drop() noexcept;

  struct counters {
    /// Lines that went into the buffer so far.
    uint64_t lines = 0;
    /// Lines that went nowhere.
    uint64_t dropped = 0;
  };

  /// Moves what waits to `out`, whose storage is used again. From now on the
  /// next line calls the wake-up. Any thread.
  void take(std::string& out);

  /// From now on `wake` is called, on the thread of a line, when lines wait:
  /// once for any number of them, and now if there are some. Empty: nobody is
  /// called. The one before may be called once more until this has returned,
  /// or a moment later; it must not log.
  void on_lines(std::function<void()> wake);

  counters count() const noexcept;

  /// Writes what waits, without taking it. Takes no lock and allocates
  /// nothing: for handlers of fatal signals only.
  void dump(int fd) const noexcept;

private:
  bool keep(log_level level, std::string_view line) noexcept;
  void wake_up() noexcept;

  const size_t capacity_;
  const int emergency_fd_;
  mutable std::mutex mutex_;
  /// Never grows beyond its reserved capacity.
  std::string lines_;
  std::shared_ptr<const std::function<void()>> wake_;
  /// Whether the wake-up has been called since the last `take`.
  std::atomic<bool> armed_{false};
  std::atomic<uint64_t> pushed_{0};
  std::atomic<uint64_t> dropped_{0};
};

} // namespace tunerd
