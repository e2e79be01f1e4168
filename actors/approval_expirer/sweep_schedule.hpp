#pragma once

#include <caf/optional.hpp>
#include <caf/timespan.hpp>

#include <chrono>
#include <cstdint>

// When the next sweep begins. No CAF actors, no clock, no I/O.

namespace tunerd {

/// A hint causes a sweep no sooner than this after the last, however many come.
constexpr std::chrono::milliseconds sweeps_apart{100};

/// Two sweeps begin at least this far apart, however many deadlines come: that
/// late a request expires at most, and the store is left to others meanwhile.
constexpr std::chrono::milliseconds deadlines_apart{10};

/// The store is asked at least this often when the next deadline is, so that
/// a lost hint delays no expiry by more.
constexpr std::chrono::seconds reread_max{5};

/// @returns the wait after the `failures`-th failure in a row: 1 s, doubled for
/// each further one, 30 s at most.
caf::timespan sweep_backoff(uint32_t failures);

/// What the answers of the store and the hints say about the next sweep.
class sweep_schedule {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// The first sweep is due at `now`.
  explicit sweep_schedule(time_point now = {});

  /// The event log has grown: a sweep is wanted soon.
  void hint() noexcept {
    hinted_ = true;
  }

  /// A sweep begins. Hints so far are answered by it.
  /// @param interval The next periodic one keeps the phase of the last.
  void begun(time_point now, caf::timespan interval);

  /// It found everything until `next_due` from `now` on; none: nothing waits.
  void succeeded(time_point now, const caf::optional<caf::timespan>& next_due);

  /// It found nothing out.
  void failed(time_point now);

  /// @returns when the next sweep begins; a time in the past means now.
  time_point next() const;

private:
  /// When the last sweep began.
  time_point begun_;
  time_point periodic_;
  /// The next deadline, or when to ask for it again.
  time_point due_;
  /// Counts while there are failures; nothing else does then.
  time_point retry_ = {};
  uint32_t failures_ = 0;
  bool hinted_ = false;
};

} // namespace tunerd
