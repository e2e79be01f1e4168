#pragma once

#include "tests/bench/bench.hpp"

#include <string>

namespace tunerd::bench {

/// How long others wait for the whole daemon while it streams.
struct sse_daemon_load {
  /// Where its database is made.
  std::string directory;
  int subscribers = 0;
  /// Of those beside them, who do not read.
  int stalled = 0;
  int live_seconds = 0;
};

/// @returns what calls to the REST API take while nothing is streamed, at ten
/// events per second, while many happen at once with and without stalled
/// readers, and while one reader gets everything there is.
json measure_sse_daemon(const sse_daemon_load& load);

} // namespace tunerd::bench
