#pragma once

#include "actors/sse_broadcaster/event_fanout.hpp"
#include "actors/sse_broadcaster/event_ring.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>

namespace tunerd {

/// What one write of a stream consists of, at most.
constexpr size_t batch_frames_max = 16;

/// Frames for one write.
struct frame_batch {
  std::array<event_frame_ptr, batch_frames_max> frames = {};
  size_t size = 0;
  /// What the subscriber has dealt with once they are written.
  int64_t upto = 0;
};

/// Where the actor, which writes, and the SSE thread, which reads, meet: the
/// ring, the log's head and the demands. Every function may be called by both
/// threads and holds the lock for microseconds.
class event_feed {
public:
  event_feed(size_t frames_max, size_t bytes_max);

  // -- the actor's side -------------------------------------------------------

  void attach(std::function<void()> wake);
  std::optional<int64_t> cursor() const;
  void begin_at(int64_t after, int64_t head);
  void publish(const std::vector<event_frame_ptr>& frames, int64_t upto,
               int64_t head);
  std::optional<page_demand> next_demand();
  /// Says that the demand of `stream` is met and what the head is.
  void answered(uint64_t stream, int64_t head);

  // -- the SSE thread's side --------------------------------------------------

  /// @returns where a live stream starts; none before `begin_at`.
  std::optional<int64_t> live_position() const;

  /// @returns whether a stream that has everything up to `position` can go on
  /// from the ring: nothing above was evicted, and the id was given.
  bool covers(int64_t position) const;

  /// Adds to `batch` what `subscriber` gets above `position`, and moves its
  /// `upto`. Looks at a bounded number of frames, so `upto` may move although
  /// no frame was found.
  /// @returns whether the ring covers `position`; if not, nothing was done.
  bool collect(int64_t position, const subscription& subscriber,
               frame_batch& batch) const;

  /// Registers a demand and wakes the actor. One per stream.
  void demand(const page_demand& wanted);

  /// Forgets the demand of `stream`, if there is one.
  void withdraw(uint64_t stream);

  /// Sets whether demands are handed out.
  void allow_demands(bool allowed);

private:
  bool covers_locked(int64_t position) const;
  void wake();

  mutable std::mutex mutex_;
  event_ring ring_;
  bool begun_ = false;
  int64_t head_ = 0;
  /// At most one per stream; leaves when answered or withdrawn.
  std::map<uint64_t, page_demand> demands_;
  uint64_t last_served_ = 0;
  bool demands_allowed_ = true;
  std::function<void()> wake_;
};

} // namespace tunerd
