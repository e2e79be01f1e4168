#pragma once

#include <caf/timespan.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

// When a worker is started again. No CAF actors, no clock, no randomness.

namespace tunerd {

/// More than `restarts_max` crashes of one worker within `window` are its end:
/// a worker that cannot live must be seen by an operator, not retried for ever.
struct restart_policy {
  uint32_t restarts_max = 5;
  std::chrono::seconds window{60};
  /// Wait after the first crash of a window; each further crash doubles it.
  std::chrono::milliseconds backoff_min{100};
  /// The wait grows no further, jitter aside.
  std::chrono::milliseconds backoff_max{30'000};
};

/// @param crashes Crashes of the worker within the window, this one included.
/// @param random Any bits; they choose the jitter.
/// @returns the wait before the worker starts again: `backoff_min` doubled for
/// each crash after the first, at most `backoff_max`, plus 0-25 % of that.
caf::timespan restart_delay(const restart_policy& policy, size_t crashes,
                            uint64_t random);

} // namespace tunerd
