#include "config/sections.hpp"

namespace tunerd::config {

using namespace std::chrono_literals;

namespace {

constexpr int32_t slots_max = 1'000'000;

} // namespace

void read_section(reader& in, queue& out) {
  in.read("tunerd.queue.max_concurrent", out.max_concurrent, 1, slots_max);
  in.read("tunerd.queue.user_max_concurrent", out.user_max_concurrent, 1,
          slots_max);
  in.read("tunerd.queue.team_max_concurrent", out.team_max_concurrent, 1,
          slots_max);
  in.read("tunerd.queue.org_max_concurrent", out.org_max_concurrent, 0,
          slots_max);
  in.read("tunerd.queue.provider_max_concurrent", out.provider_max_concurrent,
          0, slots_max);
  in.read("tunerd.queue.enable_fair_share", out.enable_fair_share);
  in.read("tunerd.queue.starvation_threshold_minutes", out.starvation_threshold,
          1min, std::chrono::minutes{24h * 30});
  in.read("tunerd.queue.max_attempts", out.max_attempts, 1, 100);
  in.read("background.queue_processing.interval_seconds", out.interval, 1s,
          60s);
  bool enabled = true;
  in.read("background.queue_processing.enabled", enabled);
  if (!enabled)
    in.warn("background.queue_processing.enabled: the queue cannot be "
            "switched off; false is ignored");
}

} // namespace tunerd::config
