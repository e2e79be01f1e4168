#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace tunerd {

/// Who goes first: the higher priority, then the lower `first`, then the lower
/// `second`.
struct rank {
  int32_t priority = none;
  int64_t first = 0;
  int64_t second = 0;

  /// The priority of who does not take part.
  static constexpr auto none = std::numeric_limits<int32_t>::min();

  bool operator==(const rank&) const = default;

  bool takes_part() const {
    return priority != none;
  }

  bool before(const rank& y) const {
    if (priority != y.priority)
      return priority > y.priority;
    return first != y.first ? first < y.first : second < y.second;
  }
};

/// Those that compete, the best at hand, any of them moved in O(log n): a heap
/// whose members know where they are. `Slot` is the member of T that is ours
/// as long as it is inside; `outside` if it is not.
template <class T, size_t T::*Slot>
class contest {
public:
  static constexpr auto outside = std::numeric_limits<size_t>::max();

  bool empty() const {
    return heap_.empty();
  }

  /// @pre !empty()
  T& best() const {
    return *heap_.front().second;
  }

  /// @pre !empty()
  const rank& best_rank() const {
    return heap_.front().first;
  }

  /// Adds `x`, or moves it.
  void put(T& x, const rank& at) {
    if (x.*Slot == outside) {
      x.*Slot = heap_.size();
      heap_.emplace_back(at, &x);
    } else {
      heap_[x.*Slot].first = at;
    }
    settle(x.*Slot);
  }

  /// Idempotent.
  void remove(T& x) {
    const auto hole = std::exchange(x.*Slot, outside);
    if (hole == outside)
      return;
    const auto last = heap_.back();
    heap_.pop_back();
    if (last.second == &x)
      return;
    place_at(hole, last);
    settle(hole);
  }

private:
  using entry = std::pair<rank, T*>;

  void place_at(size_t index, const entry& x) {
    heap_[index] = x;
    x.second->*Slot = index;
  }

  void settle(size_t index) {
    const auto x = heap_[index];
    while (index > 0 && x.first.before(heap_[(index - 1) / 2].first)) {
      place_at(index, heap_[(index - 1) / 2]);
      index = (index - 1) / 2;
    }
    for (auto next = better_child(index);
         next < heap_.size() && heap_[next].first.before(x.first);
         next = better_child(index)) {
      place_at(index, heap_[next]);
      index = next;
    }
    place_at(index, x);
  }

  size_t better_child(size_t index) const {
    const auto left = 2 * index + 1;
    const auto right = left + 1;
    return right < heap_.size() && heap_[right].first.before(heap_[left].first)
             ? right
             : left;
  }

  std::vector<entry> heap_;
};

} // namespace tunerd
