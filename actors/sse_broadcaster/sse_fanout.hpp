#pragma once

#include "actors/sse_broadcaster/event_fanout.hpp"
#include "actors/support/live.hpp"
#include "actors/support/metrics.hpp"
#include "config/auth.hpp"
#include "config/sse.hpp"

#include <cstddef>
#include <memory>

namespace tunerd {

/// The SSE thread: the ring, the sockets and a cursor per subscriber.
///
/// Bounds: the ring by `ring_events` and 64 MiB; streams by the limits of the
/// settings; per stream 32 KiB in the kernel, one half written frame and, while
/// it replays, one page (64 MiB in all). RLIMIT_NOFILE must leave room for
/// `max_connections` sockets.
class sse_fanout : public event_fanout {
public:
  /// Starts the thread.
  /// @param counts Gets the subscribers, those refused or cut, and gaps.
  /// @param rules Whom a change of them shuts out loses its streams within a
  /// second.
  /// @throws std::system_error if the system lets it have no descriptors.
  explicit sse_fanout(const config::sse& settings,
                      metrics_ptr counts = std::make_shared<metrics>(),
                      live<config::auth> rules = {});

  /// Calls `stop`.
  ~sse_fanout() override;

  sse_fanout(const sse_fanout&) = delete;
  sse_fanout& operator=(const sse_fanout&) = delete;

  /// Tells every subscriber when to come back, closes them, joins the thread
  /// and forgets whom to wake. Blocks for as long as one write to each stream
  /// takes; no write waits. Later calls of anything change nothing; sockets
  /// are closed. Idempotent. Call it before the actor system ends.
  void stop();

  /// @returns the number of streams a moment ago. Any thread.
  size_t streams() const noexcept;

  void attach(std::function<void()> wake) override;
  std::optional<int64_t> cursor() const override;
  void begin_at(int64_t after, int64_t head) override;
  void publish(const std::vector<event_frame_ptr>& frames, int64_t upto,
               int64_t head) override;
  std::optional<page_demand> next_demand() override;
  void replay(replay_page page, int64_t head) override;
  void open(const open_stream& request) override;
  void beat(timestamp now) override;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace tunerd
