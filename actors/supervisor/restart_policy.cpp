#include "actors/supervisor/restart_policy.hpp"

#include <algorithm>

namespace tunerd {

caf::timespan restart_delay(const restart_policy& policy, size_t crashes,
                            uint64_t random) {
  caf::timespan delay = policy.backoff_min;
  const caf::timespan limit = policy.backoff_max;
  for (size_t i = 1; i < crashes && delay < limit; ++i)
    delay *= 2;
  delay = std::min(delay, limit);
  const auto jitter = random % (static_cast<uint64_t>(delay.count()) / 4 + 1);
  return delay + caf::timespan{static_cast<int64_t>(jitter)};
}

} // namespace tunerd
