#include "config/sections.hpp"

namespace tunerd::config {

using namespace std::chrono_literals;

void read_section(reader& in, polling& out) {
  in.read("background.job_status_polling.enabled", out.enabled);
  in.read({"background.job_status_polling.interval_seconds",
           "SIMPLETUNER_JOB_POLL_INTERVAL"},
          out.interval, 1s, std::chrono::seconds{1h});
}

} // namespace tunerd::config
