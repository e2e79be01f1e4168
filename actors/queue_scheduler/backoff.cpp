#include "actors/queue_scheduler/backoff.hpp"

#include <algorithm>
#include <chrono>

namespace tunerd {

using namespace std::chrono_literals;

caf::timespan backoff(uint32_t setbacks, uint64_t random) {
  constexpr caf::timespan cap = 30s;
  constexpr uint32_t doublings_max = 5; // 1 s * 2^5 is above the cap
  const caf::timespan full = std::min(
    cap, caf::timespan{1s} * (1 << std::min(setbacks, doublings_max)));
  const auto span = static_cast<uint64_t>(full.count()) + 1;
  return caf::timespan{static_cast<int64_t>(random % span)};
}

} // namespace tunerd
