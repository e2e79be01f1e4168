#pragma once

#include "actors/queue_scheduler/lanes.hpp"
#include "actors/queue_scheduler/sequence.hpp"

#include <functional>
#include <map>
#include <utility>
#include <vector>

// How many go before a job. Pure.

namespace tunerd {

/// All that wait, by base level, highest first.
using base_levels = std::map<int32_t, sequence, std::greater<>>;

/// Counts places at one moment, without running the queue: time cuts each base
/// level into those of one effective priority, so all that rank higher are
/// found by a few searches, and those that take turns are summed up in closed
/// form. Valid until the queue changes; sums over parties are kept, so many
/// questions cost little more than one.
class standings {
public:
  /// A job that waits.
  struct subject {
    const seat* lane;
    int32_t base;
    place at;
  };

  /// Its places among the waiting jobs of its parties, 1 = next.
  struct places {
    int64_t of_user = 0;
    int64_t of_team = 0;
    int64_t of_org = 0;
    int64_t of_all = 0;
  };

  standings(const lanes& all, const base_levels& waiting, timestamp now)
    : lanes_(all), waiting_(waiting), now_(now) {
  }

  /// @returns its place among all. Without fair share O(levels * n / 128), else
  /// also O(lanes) once per priority and O(parties).
  int64_t position(const subject& x);

  /// O(lanes of its org) more.
  places all_places(const subject& x);

private:
  int32_t priority_of(const subject& x) const;
  /// @returns the place before which all of this base level have `wanted`.
  place reaching(int32_t base, int32_t wanted) const;
  int64_t higher_in(const party& top, int32_t priority) const;
  int64_t older_in(const party& top, const subject& x) const;
  int64_t at_priority(const party& top, int32_t priority) const;
  const std::vector<contender>& parts_of(const party& above, int32_t priority);
  int64_t turn_in(const party& above, const party& own, int32_t priority,
                  int64_t nth);

  const lanes& lanes_;
  const base_levels& waiting_;
  timestamp now_;
  std::map<std::pair<const party*, int32_t>, std::vector<contender>> known_;
};

} // namespace tunerd
