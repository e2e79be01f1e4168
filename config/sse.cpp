#include "config/sections.hpp"

namespace tunerd::config {

using namespace std::chrono_literals;

void read_section(reader& in, sse& out) {
  in.read("tunerd.sse.max_connections", out.max_connections, 1, 100'000);
  in.read("tunerd.sse.max_per_client", out.max_per_client, 1, 100'000);
  in.read("tunerd.sse.heartbeat_seconds", out.heartbeat, 1s, 300s);
  in.read({"tunerd.sse.ring_events", "SIMPLETUNER_EVENT_BUFFER_SIZE"},
          out.ring_events, 16, 1'000'000);
}

} // namespace tunerd::config
