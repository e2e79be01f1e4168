#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace tunerd {

/// A value that is replaced while others use it, such as settings that SIGHUP
/// reloads. Copies share it. Any thread; blocks for the length of a copy.
template <class T>
class live {
public:
  live() : live(T{}) {
  }

  // Implicit, so that settings can be written down as plain values.
  live(T value) : cell_(std::make_shared<cell>()) {
    cell_->value = std::make_shared<const T>(std::move(value));
  }

  /// @returns the value of now; it never changes.
  std::shared_ptr<const T> get() const {
    std::lock_guard guard{cell_->mutex};
    return cell_->value;
  }

  /// From now on `get` returns `value`, in all copies.
  void set(T value) const {
    auto next = std::make_shared<const T>(std::move(value));
    std::lock_guard guard{cell_->mutex};
    cell_->value.swap(next);
  }

private:
  struct cell {
    std::mutex mutex;
    std::shared_ptr<const T> value;
  };
  std::shared_ptr<cell> cell_;
};

} // namespace tunerd
