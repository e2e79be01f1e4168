#include "actors/support/log_buffer.hpp"

#include "actors/support/log_output.hpp"

#include <utility>

namespace tunerd {

log_buffer::log_buffer(size_t capacity_bytes, int emergency_fd)
  : capacity_(capacity_bytes), emergency_fd_(emergency_fd) {
  lines_.reserve(capacity_);
}

void log_buffer::push(log_level level, std::string_view line) noexcept {
  if (keep(level, line)) {
    pushed_.fetch_add(1, std::memory_order_relaxed);
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
  if (lines_.size() + line.size() > room)
    return false;
  lines_.append(line);
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

void log_buffer::take(std::string& out) {
  out.clear();
  out.reserve(capacity_);
  armed_ = false;
  std::lock_guard lock{mutex_};
  lines_.swap(out);
}

void log_buffer::on_lines(std::function<void()> wake) {
  std::shared_ptr<const std::function<void()>> next;
  if (wake)
    next = std::make_shared<const std::function<void()>>(std::move(wake));
  bool waiting = false;
  {
    std::lock_guard lock{mutex_};
    wake_.swap(next);
    waiting = !lines_.empty();
    armed_ = false;
  }
  if (waiting)
    wake_up();
}

log_buffer::counters log_buffer::count() const noexcept {
  return {pushed_.load(std::memory_order_relaxed),
          dropped_.load(std::memory_order_relaxed)};
}

void log_buffer::dump(int fd) const noexcept {
  write_without_waiting(fd, lines_);
}

} // namespace tunerd
