#include "actors/approval_expirer/sweep_schedule.hpp"

#include <algorithm>

namespace tunerd {

using namespace std::chrono_literals;

caf::timespan sweep_backoff(uint32_t failures) {
  constexpr uint32_t doublings_max = 5; // 1 s * 2^5 is above the cap
  const auto doublings = std::min(std::max(failures, 1u) - 1, doublings_max);
  return std::min(caf::timespan{1s} * (1 << doublings), caf::timespan{30s});
}

sweep_schedule::sweep_schedule(time_point now)
  : begun_(now - sweeps_apart), periodic_(now), due_(now) {
}

void sweep_schedule::begun(time_point now, caf::timespan interval) {
  begun_ = now;
  hinted_ = false;
  while (periodic_ <= now) // Keeps the phase, skips what was missed.
    periodic_ += interval;
  periodic_ = std::min(periodic_, now + interval); // It may have shrunk.
}

void sweep_schedule::succeeded(time_point now,
                               const caf::optional<caf::timespan>& next_due) {
  failures_ = 0;
  const caf::timespan wait = next_due.value_or(reread_max);
  due_ = now + std::min<caf::timespan>(wait, reread_max);
}

void sweep_schedule::failed(time_point now) {
  ++failures_;
  retry_ = now + sweep_backoff(failures_);
}

sweep_schedule::time_point sweep_schedule::next() const {
  if (failures_ > 0)
    return retry_;
  const auto soon = begun_ + sweeps_apart;
  return std::min(hinted_ ? soon : std::max(periodic_, soon),
                  std::max(due_, begun_ + deadlines_apart));
}

} // namespace tunerd
