#pragma once

#include "actors/sse_broadcaster/subscription.hpp"
#include "messages/streams.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace tunerd {

/// What one stream needs from the log, because it is not in the ring.
struct page_demand {
  uint64_t stream = 0;
  /// The last id the stream has.
  int64_t after = 0;
  /// Whose work it is.
  context ctx;
};

/// What the log gave for a `page_demand`.
struct replay_page {
  uint64_t stream = 0;
  /// As demanded.
  int64_t after = 0;
  replay_plan plan;
  std::vector<event_frame_ptr> frames = {};
};

/// Where the SSE BROADCASTER brings what it has read: the ring and the
/// subscribers. Outlives the actor's incarnations and owns what they share, the
/// cursor and the demands, so a new incarnation goes on where the old one
/// ended. Functions neither block nor throw; all are called by the actor.
class event_fanout {
public:
  virtual ~event_fanout() = default;

  /// Sets who is told, from any thread, that there is a demand. A wake-up may
  /// be lost: the actor looks again on its tick.
  virtual void attach(std::function<void()> wake) = 0;

  /// @returns the id up to which the log was published; none before the first
  /// `begin_at`.
  virtual std::optional<int64_t> cursor() const = 0;

  /// Says where the log is followed from: the events above `after`, `head`
  /// being the largest id there is. Streams that are not covered then ask.
  virtual void begin_at(int64_t after, int64_t head) = 0;

  /// Adds what the log holds from the cursor up to `upto`.
  virtual void publish(const std::vector<event_frame_ptr>& frames, int64_t upto,
                       int64_t head)
    = 0;

  /// @returns the next demand that was not answered yet, another one at each
  /// call while there are several; none while too much waits to be written.
  virtual std::optional<page_demand> next_demand() = 0;

  /// Answers a demand. Ignored if the stream has gone.
  virtual void replay(replay_page page, int64_t head) = 0;

  /// Takes the socket over.
  virtual void open(const open_stream& request) = 0;

  /// Once a second: sends heartbeats, cuts who does not read.
  virtual void beat(timestamp now) = 0;
};

} // namespace tunerd
