#pragma once

#include <chrono>
#include <cstdint>

namespace tunerd::config {

/// Section `tunerd.sse`.
struct sse {
  /// Streams in all. Range: 1 to 100,000. Key: `max_connections`.
  int32_t max_connections = 10'000;
  /// Streams per client. Range: 1 to 100,000. Key: `max_per_client`.
  int32_t max_per_client = 100;
  /// Time between two heartbeats of a stream. Range: 1 s to 5 min. Key:
  /// `heartbeat_seconds`.
  std::chrono::seconds heartbeat{15};
  /// Recent events kept in memory for replay. Range: 16 to 1,000,000. Key:
  /// `ring_events`; SIMPLETUNER_EVENT_BUFFER_SIZE.
  int32_t ring_events = 65'536;
};

} // namespace tunerd::config
