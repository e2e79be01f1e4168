#pragma once

#include "actors/sse_broadcaster/sse_encoder.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace tunerd {

/// The newest part of the event log as frames: everything streamed with an id
/// above `after()` and up to `cursor()`. Internal events have no frame, so ids
/// skip; they move the cursor all the same. Pure.
class event_ring {
public:
  /// The oldest frames leave when either bound is exceeded. The newest stays,
  /// however large it is.
  event_ring(size_t frames_max, size_t bytes_max);

  /// Forgets everything; the log is followed from `after` on.
  void begin_at(int64_t after);

  /// Adds what the log holds from the cursor up to `upto`, in order. What is
  /// here already is ignored, so repeating a page changes nothing.
  void append(const std::vector<event_frame_ptr>& frames, int64_t upto);

  int64_t after() const noexcept {
    return after_;
  }

  int64_t cursor() const noexcept {
    return cursor_;
  }

  size_t size() const noexcept {
    return frames_.size();
  }

  /// @returns the sum of the frames' bytes.
  size_t size_bytes() const noexcept {
    return size_bytes_;
  }

  using const_iterator = std::deque<event_frame_ptr>::const_iterator;

  /// @returns the first frame with an id above `id`, or `end`.
  const_iterator above(int64_t id) const;

  const_iterator end() const {
    return frames_.end();
  }

private:
  void evict();

  size_t frames_max_;
  size_t bytes_max_;
  int64_t after_ = 0;
  int64_t cursor_ = 0;
  size_t size_bytes_ = 0;
  /// Rising ids. Bounded by `evict`.
  std::deque<event_frame_ptr> frames_;
};

} // namespace tunerd
