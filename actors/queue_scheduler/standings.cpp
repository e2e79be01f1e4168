#include "actors/queue_scheduler/standings.hpp"

#include <algorithm>
#include <limits>

namespace tunerd {

namespace {

constexpr auto row_max = std::numeric_limits<int64_t>::max();
constexpr place everyone{timestamp::max(), row_max};
constexpr place nobody{timestamp::min(), 0};

int64_t count_before(const lane_level& x, place at) {
  return static_cast<int64_t>(x.ready.count_before(at)
                              + x.delayed.count_before(at));
}

/// @returns the sum of `count(level)` over all levels of all lanes of `top`.
template <class F>
int64_t sum(const party& top, F count) {
  int64_t result = 0;
  visit_lanes(top, [&](const seat& lane) {
    for (const auto& x : lane.levels)
      result += count(x);
  });
  return result;
}

} // namespace

int32_t standings::priority_of(const subject& x) const {
  return effective_priority(x.base, now_ - x.at.first, lanes_.threshold());
}

place standings::reaching(int32_t base, int32_t wanted) const {
  if (base >= wanted)
    return everyone;
  if (base > risen_max || wanted > risen_max)
    return nobody;
  const auto steps = (wanted - base + level_step - 1) / level_step;
  return {now_ - steps * lanes_.threshold(), row_max};
}

int64_t standings::higher_in(const party& top, int32_t priority) const {
  return sum(top, [&](const lane_level& x) {
    return count_before(x, reaching(x.base, priority + 1));
  });
}

// Those that rank higher, and those that rank equal and came earlier: both are
// the oldest so many of their level.
int64_t standings::older_in(const party& top, const subject& x) const {
  const auto priority = priority_of(x);
  return sum(top, [&](const lane_level& y) {
    return count_before(y,
                        std::max(reaching(y.base, priority + 1),
                                 std::min(reaching(y.base, priority), x.at)));
  });
}

int64_t standings::at_priority(const party& top, int32_t priority) const {
  return sum(top, [&](const lane_level& x) {
    return count_before(x, reaching(x.base, priority))
           - count_before(x, reaching(x.base, priority + 1));
  });
}

const std::vector<contender>& standings::parts_of(const party& above,
                                                  int32_t priority) {
  const auto [i, added] = known_.try_emplace({&above, priority});
  auto& result = i->second;
  if (added)
    for (const auto& [name, x] : above.parts)
      result.push_back({at_priority(*x, priority), x->taken.at(priority)});
  return result;
}

int64_t standings::turn_in(const party& above, const party& own,
                           int32_t priority, int64_t nth) {
  return turn_among(parts_of(above, priority), own.taken.at(priority), nth);
}

int64_t standings::position(const subject& x) {
  const auto priority = priority_of(x);
  const auto fair = lanes_.limits().enable_fair_share;
  int64_t result = 1;
  for (const auto& [base, jobs] : waiting_) {
    const auto higher = reaching(base, priority + 1);
    const auto before
      = fair ? higher
             : std::max(higher, std::min(reaching(base, priority), x.at));
    result += static_cast<int64_t>(jobs.count_before(before));
  }
  if (!fair)
    return result;
  const auto& user = *x.lane->whose;
  const auto& team = *user.above;
  const auto& org = *team.above;
  auto nth = older_in(user, x) - higher_in(user, priority) + 1;
  nth = turn_in(team, user, priority, nth);
  nth = turn_in(org, team, priority, nth);
  return result - 1 + turn_in(lanes_.all(), org, priority, nth);
}

standings::places standings::all_places(const subject& x) {
  const auto priority = priority_of(x);
  const auto& user = *x.lane->whose;
  const auto& team = *user.above;
  const auto& org = *team.above;
  places result{.of_all = position(x)};
  result.of_user = older_in(user, x) + 1;
  if (!lanes_.limits().enable_fair_share) {
    result.of_team = older_in(team, x) + 1;
    result.of_org = older_in(org, x) + 1;
    return result;
  }
  auto nth = result.of_user - higher_in(user, priority);
  nth = turn_in(team, user, priority, nth);
  result.of_team = higher_in(team, priority) + nth;
  nth = turn_in(org, team, priority, nth);
  result.of_org = higher_in(org, priority) + nth;
  return result;
}

} // namespace tunerd
