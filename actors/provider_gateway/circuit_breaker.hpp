#pragma once

#include "messages/providers.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace tunerd {

/// What the end of a call says about the provider.
enum class call_verdict : uint8_t {
  success,
  failure,
  /// Nothing: it wants fewer calls, or we did not get to ask it.
  neither,
};

/// Whether a provider may be asked at all. Pure; one thread at a time.
///
/// Closed, everything may be asked; `failures_max` failures in a row open it.
/// Open, nothing may for `open_for`. After that it is half open: `probes_max`
/// calls at once may find out, `successes_min` successes close it and one
/// failure opens it again. Calls that were admitted before the last change of
/// phase say nothing about the phase now: their end is counted, no more.
class circuit_breaker {
public:
  using time_point = std::chrono::steady_clock::time_point;

  static constexpr int64_t failures_max = 5;
  static constexpr caf::timespan open_for = std::chrono::seconds{60};
  static constexpr int64_t probes_max = 3;
  static constexpr int64_t successes_min = 2;

  /// A change of phase, as it is said in the log.
  enum class change : uint8_t { none, opened, reopened, half_opened, closed };

  struct admission {
    /// Names the call to `conclude`; none if it may not be made.
    std::optional<uint64_t> era;
    change changed = change::none;
  };

  /// May a call be made now? One that is admitted must be concluded once.
  admission admit(time_point now);

  /// Tells how a call ended.
  /// @param era Of its admission.
  /// @param at Time of day, for `breaker_status::last_failure`.
  change conclude(uint64_t era, call_verdict verdict, time_point now,
                  timestamp at);

  /// @returns whether `admit` would admit.
  bool would_admit(time_point now) const;

  /// @returns the phase for a call that comes now.
  breaker_phase phase(time_point now) const;

  /// @returns how long a refused call should wait; 0 if it may be made.
  caf::timespan retry_after(time_point now) const;

  /// @returns all but the names.
  breaker_status status(time_point now) const;

  int64_t failures_in_a_row() const {
    return failures_;
  }

private:
  change enter(breaker_phase next, change as);

  breaker_phase phase_ = breaker_phase::closed;
  /// Of this phase. Rises with each change.
  uint64_t era_ = 0;
  time_point open_until_ = {};
  /// Under way in this phase; counted while half open.
  int64_t probes_ = 0;
  /// In a row.
  int64_t failures_ = 0;
  int64_t successes_ = 0;
  int64_t failures_total_ = 0;
  int64_t successes_total_ = 0;
  caf::optional<timestamp> last_failure_ = caf::none;
};

} // namespace tunerd
