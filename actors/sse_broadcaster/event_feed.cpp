#include "actors/sse_broadcaster/event_feed.hpp"

#include <algorithm>
#include <utility>

namespace tunerd {

namespace {

/// How many frames `collect` looks at while it holds the lock.
constexpr size_t scanned_max = 1'024;

} // namespace

event_feed::event_feed(size_t frames_max, size_t bytes_max)
  : ring_(frames_max, bytes_max) {
}

void event_feed::attach(std::function<void()> wake) {
  std::lock_guard guard{mutex_};
  wake_ = std::move(wake);
}

std::optional<int64_t> event_feed::cursor() const {
  std::lock_guard guard{mutex_};
  return begun_ ? std::optional{ring_.cursor()} : std::nullopt;
}

void event_feed::begin_at(int64_t after, int64_t head) {
  std::lock_guard guard{mutex_};
  ring_.begin_at(after);
  head_ = head;
  begun_ = true;
}

void event_feed::publish(const std::vector<event_frame_ptr>& frames,
                         int64_t upto, int64_t head) {
  std::lock_guard guard{mutex_};
  ring_.append(frames, upto);
  head_ = std::max({head_, head, ring_.cursor()});
}

std::optional<page_demand> event_feed::next_demand() {
  std::lock_guard guard{mutex_};
  if (demands_.empty() || !demands_allowed_)
    return std::nullopt;
  auto i = demands_.upper_bound(last_served_);
  if (i == demands_.end())
    i = demands_.begin();
  last_served_ = i->first;
  return i->second;
}

void event_feed::answered(uint64_t stream, int64_t head) {
  std::lock_guard guard{mutex_};
  demands_.erase(stream);
  head_ = std::max(head_, head);
}

std::optional<int64_t> event_feed::live_position() const {
  std::lock_guard guard{mutex_};
  return begun_ ? std::optional{head_} : std::nullopt;
}

bool event_feed::covers(int64_t position) const {
  std::lock_guard guard{mutex_};
  return covers_locked(position);
}

bool event_feed::covers_locked(int64_t position) const {
  // Between the cursor and the head: it waits for the actor to catch up.
  return ring_.after() <= position && position <= head_;
}

bool event_feed::collect(int64_t position, const subscription& subscriber,
                         frame_batch& batch) const {
  std::lock_guard guard{mutex_};
  if (!covers_locked(position))
    return false;
  auto i = ring_.above(position);
  size_t scanned = 0;
  for (; i != ring_.end() && batch.size < batch.frames.size(); ++i) {
    if (++scanned > scanned_max)
      return true;
    batch.upto = (*i)->id;
    if (wants(subscriber, **i))
      batch.frames[batch.size++] = *i;
  }
  if (i == ring_.end())
    batch.upto = std::max(position, ring_.cursor());
  return true;
}

void event_feed::demand(const page_demand& wanted) {
  {
    std::lock_guard guard{mutex_};
    demands_.insert_or_assign(wanted.stream, wanted);
  }
  wake();
}

void event_feed::withdraw(uint64_t stream) {
  std::lock_guard guard{mutex_};
  demands_.erase(stream);
}

void event_feed::allow_demands(bool allowed) {
  {
    std::lock_guard guard{mutex_};
    if (std::exchange(demands_allowed_, allowed) == allowed)
      return;
  }
  if (allowed)
    wake();
}

void event_feed::wake() {
  std::function<void()> wake;
  {
    std::lock_guard guard{mutex_};
    wake = wake_;
  }
  if (wake)
    wake();
}

} // namespace tunerd
