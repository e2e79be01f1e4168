#include "actors/provider_gateway/rate_budget.hpp"

#include <algorithm>

namespace tunerd {

namespace {

using namespace std::chrono_literals;

constexpr caf::timespan minute = 60s;
constexpr caf::timespan pause_min = 1s;
constexpr caf::timespan pause_max = 30s;

int64_t burst_of(int64_t per_minute) {
  return std::max<int64_t>(1, per_minute / 10);
}

} // namespace

rate_budget::rate_budget(int64_t per_minute, caf::timespan asked_max)
  : per_minute_(std::max<int64_t>(1, per_minute)), asked_max_(asked_max) {
  const auto burst = burst_of(per_minute_);
  const auto steady = std::max<int64_t>(1, per_minute_ - burst);
  // Rounded up: rather a little slower than one call too many.
  interval_ = (minute + caf::timespan{steady - 1}) / steady;
  tolerance_ = interval_ * (burst - 1);
}

rate_budget::place rate_budget::take(time_point now, caf::timespan patience) {
  const auto delay = wait(now);
  if (delay > patience)
    return {};
  const auto at = now + delay;
  paid_ = std::max(paid_, at) + interval_;
  return {at, count(at)};
}

caf::timespan rate_budget::wait(time_point now) const {
  return std::max(caf::timespan{paid_ - tolerance_ - now}, caf::timespan{0});
}

void rate_budget::throttle(time_point now, caf::timespan asked) {
  // Those that were under way together are told so together.
  const bool is_news = now >= throttled_until_;
  const auto n = std::min(throttled_in_a_row_, 5);
  const auto pause = asked > caf::timespan{0}
                       ? std::min(asked, asked_max_)
                       : std::min(pause_max, pause_min * (1 << n));
  if (is_news)
    ++throttled_in_a_row_;
  else if (asked <= caf::timespan{0})
    return;
  throttled_until_ = std::max(throttled_until_, now + pause);
  paid_ = std::max(paid_, throttled_until_ + tolerance_);
}

void rate_budget::relax(time_point now) {
  if (now >= throttled_until_)
    throttled_in_a_row_ = 0;
}

caf::timespan rate_budget::throttled_for(time_point now) const {
  return std::max(caf::timespan{throttled_until_ - now}, caf::timespan{0});
}

int64_t rate_budget::left(time_point now) const {
  const caf::timespan room = now + tolerance_ - std::max(paid_, now);
  return room < caf::timespan{0} ? 0 : room / interval_ + 1;
}

bool rate_budget::count(time_point at) {
  if (used_ == 0 || at >= minute_ + minute) {
    minute_ = at;
    used_ = 0;
  }
  ++used_;
  return used_ == std::max<int64_t>(1, (per_minute_ * 4 + 4) / 5);
}

} // namespace tunerd
