#pragma once

#include "actors/support/log_cache.hpp"
#include "actors/support/log_core.hpp"
#include "actors/support/log_line.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tunerd {

/// How lines are made. Does not change once it is in force.
struct log_format {
  log_settings settings;
  wall_clock now;

  /// @returns the level of the name, or of the nearest one above it that has
  /// one.
  log_level level_of(std::string_view name) const noexcept;
};

/// From now on lines are made this way. Any thread.
void use_log_format(std::shared_ptr<const log_format> next) noexcept;

/// @returns what is in force; null before `use_log_format`. Any thread.
std::shared_ptr<const log_format> log_format_in_force() noexcept;

/// What one thread makes its lines with. It keeps its memory, so that a line
/// costs no allocation and, unless the format has changed, no lock.
class log_maker {
public:
  /// Completes the record and makes the line of it.
  /// @returns the line, valid until the next call.
  std::string_view make(log_record& record);

private:
  void look_at_format();

  std::shared_ptr<const log_format> format_;
  uint64_t generation_ = 0;
  std::string line_;
  log_cache cache_;
};

namespace detail {

/// The maker of this thread, or null if it is in use or gone.
class borrowed_log_maker {
public:
  borrowed_log_maker();
  ~borrowed_log_maker();
  borrowed_log_maker(const borrowed_log_maker&) = delete;
  borrowed_log_maker& operator=(const borrowed_log_maker&) = delete;
  log_maker* get() const noexcept {
    return maker_;
  }

private:
  log_maker* maker_;
};

} // namespace detail

/// Calls `work` with the maker of this thread; with another one if this thread
/// is about to end, or if `work` logs.
template <class Work>
decltype(auto) with_log_maker(Work work) {
  const detail::borrowed_log_maker mine;
  if (mine.get() != nullptr)
    return work(*mine.get());
  log_maker other;
  return work(other);
}

} // namespace tunerd
