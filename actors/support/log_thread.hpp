#pragma once

#include "actors/support/log_core.hpp"

#include <atomic>
#include <memory>
#include <thread>

namespace tunerd {

/// Writes the lines of the log on a thread of its own: for programs that log
/// and run no daemon. While a log sink lives too, the one made last writes.
class log_thread {
public:
  log_thread();

  /// Writes what is left. Blocks.
  ~log_thread();

  log_thread(const log_thread&) = delete;
  log_thread& operator=(const log_thread&) = delete;

private:
  enum class order { none, write, stop };

  void run();

  /// Shared, because a wake-up may come a moment after the end.
  std::shared_ptr<std::atomic<order>> order_;
  log_driver driver_;
  std::thread thread_;
};

} // namespace tunerd
