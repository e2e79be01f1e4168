#include "actors/queue_scheduler/fair_share.hpp"

#include <algorithm>

namespace tunerd {

int64_t turn_among(const std::vector<contender>& parties, int64_t own,
                   int64_t nth) {
  auto result = nth;
  for (const auto& x : parties)
    if (x.turn != own)
      result += std::min(x.count, x.turn < own ? nth : nth - 1);
  return result;
}

} // namespace tunerd
