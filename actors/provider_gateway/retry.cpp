#include "actors/provider_gateway/retry.hpp"

#include <algorithm>

namespace tunerd {

bool is_worth_retrying(const http_response& response) {
  if (response.transfer != http_transfer::answered)
    return true;
  switch (response.status) {
    case 429:
    case 500:
    case 502:
    case 503:
    case 504: return true;
    default: return false;
  }
}

caf::timespan retry_delay(int tried, caf::timespan asked, uint64_t random) {
  constexpr caf::timespan base = std::chrono::seconds{1};
  constexpr caf::timespan cap = std::chrono::seconds{30};
  const auto doublings = std::clamp(tried - 1, 0, 5);
  const auto delay = std::min(cap, std::max(base * (1 << doublings), asked));
  return delay + delay / 10'000 * static_cast<int64_t>(random % 2'501);
}

} // namespace tunerd
