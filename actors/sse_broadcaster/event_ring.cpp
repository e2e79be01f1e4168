#include "actors/sse_broadcaster/event_ring.hpp"

#include <algorithm>

namespace tunerd {

event_ring::event_ring(size_t frames_max, size_t bytes_max)
  : frames_max_(std::max<size_t>(frames_max, 1)), bytes_max_(bytes_max) {
}

void event_ring::begin_at(int64_t after) {
  frames_.clear();
  size_bytes_ = 0;
  after_ = cursor_ = after;
}

void event_ring::append(const std::vector<event_frame_ptr>& frames,
                        int64_t upto) {
  for (const auto& frame : frames) {
    if (frame->id <= cursor_)
      continue;
    cursor_ = frame->id;
    size_bytes_ += frame->bytes.size();
    frames_.push_back(frame);
  }
  cursor_ = std::max(cursor_, upto);
  evict();
}

void event_ring::evict() {
  while (frames_.size() > 1
         && (frames_.size() > frames_max_ || size_bytes_ > bytes_max_)) {
    after_ = frames_.front()->id;
    size_bytes_ -= frames_.front()->bytes.size();
    frames_.pop_front();
  }
}

event_ring::const_iterator event_ring::above(int64_t id) const {
  if (frames_.empty() || frames_.back()->id <= id)
    return frames_.end(); // most subscribers, most of the time
  return std::upper_bound(
    frames_.begin(), frames_.end(), id,
    [](int64_t x, const event_frame_ptr& frame) { return x < frame->id; });
}

} // namespace tunerd
