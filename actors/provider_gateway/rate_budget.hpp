#pragma once

#include "messages/context.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace tunerd {

/// How many calls of one kind may be made. Pure; one thread at a time.
///
/// In any minute at most `per_minute` calls are let through, a tenth of them at
/// once: places are given out at nine tenths of the rate, and a tenth may be
/// saved up. Whoever finds no free place is given a later one, in the order of
/// asking, so nobody starves and nobody needs to ask again and again.
class rate_budget {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// @param per_minute At least 1.
  /// @param asked_max Nothing a provider asks for stops all calls for longer.
  explicit rate_budget(int64_t per_minute,
                       caf::timespan asked_max = std::chrono::hours{1});

  /// A place for one call.
  struct place {
    /// When the call may be made; none if that is too far off, then nothing was
    /// taken.
    std::optional<time_point> at;
    /// The call is the one that uses up 80 % of its minute's budget.
    bool runs_low = false;
  };

  /// Takes the next free place.
  /// @param patience How far off it may be.
  place take(time_point now, caf::timespan patience);

  /// @returns how far off the next free place is; 0 if it is free now.
  caf::timespan wait(time_point now) const;

  /// The provider wants fewer calls: none is let through for `asked`, but
  /// at most `asked_max`, so that somebody finds out when it is over; or, if it
  /// did not say, for 1 s x 2^n, at most 30 s, where n rises with each time
  /// that it says so again right after. Then they start at the steady rate, so
  /// that those who waited do not come all at once.
  void throttle(time_point now, caf::timespan asked);

  /// A call was answered with anything but that it is one too many.
  void relax(time_point now);

  /// @returns how long the provider wants us to keep still; 0 if it does not.
  /// A place that was taken before it said so is worth nothing.
  caf::timespan throttled_for(time_point now) const;

  /// @returns how many calls may be made at once now.
  int64_t left(time_point now) const;

  int64_t per_minute() const {
    return per_minute_;
  }

private:
  bool count(time_point at);

  int64_t per_minute_;
  caf::timespan asked_max_;
  /// Between two places.
  caf::timespan interval_;
  /// How much of the future may be used up now: all of the burst but one.
  caf::timespan tolerance_;
  /// When everything that was taken is paid for.
  time_point paid_ = {};
  time_point throttled_until_ = {};
  int throttled_in_a_row_ = 0;
  /// For the warning only: calls since then.
  time_point minute_ = {};
  int64_t used_ = 0;
};

} // namespace tunerd
