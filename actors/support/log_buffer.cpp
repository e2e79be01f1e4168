#include "actors/support/log_buffer.hpp"

#include "actors/support/log_output.hpp"

#include <utility>

namespace tunerd {

log_buffer::log_buffer(size_t capacity_bytes, int emergency_fd)
  : capacity_(capacity_bytes), emergency_fd_(emergency_fd) {
  for (auto& x : stores_)
    x.bytes = std::make_unique_for_overwrite<char[]>(capacity_);
}

void log_buffer::push(log_level level, std::string_view line) noexcept {
  if (keep(level, line)) {
    wake_up();
  } else if (level < log_level::warning
             || write_without_waiting(emergency_fd_, line) < line.size()) {
    drop();
  }
}

void log_buffer::drop() noexcept {
  dropped_.fetch_add(1, std::memory_order_relaxed);
}

bool log_buffer::keep(log_level level, std::string_view line) noexcept {
  const auto room = level >= log_level::warning ? capacity_ : capacity_ / 4 * 3;
  std::lock_guard lock{mutex_};
  auto& now = stores_[active_.load(std::memory_order_relaxed)];
  const auto size = now.size.load(std::memory_order_relaxed);
  if (size + line.size() > room)
    return false;
  line.copy(now.bytes.get() + size, line.size());
  now.size.store(size + line.size(), std::memory_order_release);
  pushed_.store(pushed_.load(std::memory_order_relaxed) + 1,
                std::memory_order_relaxed);
  return true;
}

void log_buffer::wake_up() noexcept {
  // Every line that `take` has missed sees `armed_` as `take` has left it,
  // because the mutex lies between.
  if (armed_.load(std::memory_order_relaxed) || armed_.exchange(true))
    return;
  std::shared_ptr<const std::function<void()>> wake;
  {
    std::lock_guard lock{mutex_};
    wake = wake_;
  }
  try {
    if (wake)
      (*wake)();
  } catch (...) {
    armed_ = false; // the next line tries again
  }
}

std::string_view log_buffer::take() {
  release();
  armed_ = false;
  std::lock_guard lock{mutex_};
  active_ = 1 - active_;
  return taken();
}

void log_buffer::release() noexcept {
  stores_[1 - active_].size = 0;
}

void log_buffer::on_lines(std::function<void()> wake) {
  std::shared_ptr<const std::function<void()>> next;
  if (wake)
    next = std::make_shared<const std::function<void()>>(std::move(wake));
  bool some = false;
  {
    std::lock_guard lock{mutex_};
    wake_.swap(next);
    some = !this->waiting().empty();
    armed_ = false;
  }
  if (some)
    wake_up();
}

log_buffer::counters log_buffer::count() const noexcept {
  return {pushed_.load(std::memory_order_relaxed),
          dropped_.load(std::memory_order_relaxed)};
}

} // namespace tunerd
