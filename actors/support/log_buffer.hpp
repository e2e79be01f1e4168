#pragma once

#include "messages/logs.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>

namespace tunerd {

/// Where finished lines wait for whoever writes them.
///
/// Nobody waits for room: DEBUG and INFO are dropped when three quarters are
/// full, the rest is for WARNING and above, and when that is full too these go
/// to the emergency descriptor at once. What went nowhere is counted.
class log_buffer {
public:
  /// @param capacity_bytes Allocated now, twice.
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

  /// Takes what waits; lines go on arriving elsewhere. From now on the next
  /// line calls the wake-up. Any thread, one at a time.
  /// @returns the lines, valid until the next call.
  std::string_view take();

  /// What was taken need not be written any more.
  void release() noexcept;

  /// From now on `wake` is called, on the thread of a line, when lines wait:
  /// once for any number of them, and now if there are some. Empty: nobody is
  /// called. The one before may be called once more until this has returned,
  /// or a moment later; it must not log.
  void on_lines(std::function<void()> wake);

  counters count() const noexcept;

  // For handlers of fatal signals: without a lock, while nobody takes.

  /// @returns what was taken and not released.
  std::string_view taken() const noexcept {
    return stores_[1 - active_].lines();
  }
  /// @returns what waits. Lines that are being kept now are not in it.
  std::string_view waiting() const noexcept {
    return stores_[active_].lines();
  }

private:
  struct store {
    std::string_view lines() const noexcept {
      return {bytes.get(), size.load(std::memory_order_acquire)};
    }
    std::unique_ptr<char[]> bytes;
    /// Of whole lines.
    std::atomic<size_t> size{0};
  };

  bool keep(log_level level, std::string_view line) noexcept;
  void wake_up() noexcept;

  const size_t capacity_;
  const int emergency_fd_;
  std::mutex mutex_;
  std::array<store, 2> stores_;
  /// Which of them takes lines.
  std::atomic<unsigned> active_{0};
  std::shared_ptr<const std::function<void()>> wake_;
  /// Whether the wake-up has been called since the last `take`.
  std::atomic<bool> armed_{false};
  std::atomic<uint64_t> pushed_{0};
  std::atomic<uint64_t> dropped_{0};
};

} // namespace tunerd
