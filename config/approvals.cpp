#include "config/sections.hpp"

namespace tunerd::config {

using namespace std::chrono_literals;

void read_section(reader& in, approvals& out) {
  constexpr std::chrono::seconds day = 24h;
  in.read({"tunerd.approvals.interval_seconds",
           "SIMPLETUNER_APPROVAL_CHECK_INTERVAL"},
          out.interval, 1s, day);
  in.read("tunerd.approvals.default_deadline_seconds", out.default_deadline, 1s,
          365 * day);
  in.read("tunerd.approvals.warn_before_seconds", out.warn_before, 0s,
          30 * day);
}

} // namespace tunerd::config
