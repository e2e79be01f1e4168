#include "config/sections.hpp"

namespace tunerd::config {

void read_section(reader& in, retention& out) {
  constexpr int32_t century = 36'500;
  in.read({"tunerd.retention.job_days", "SIMPLETUNER_JOB_RETENTION_DAYS"},
          out.job_days, 0, century);
  in.read({"tunerd.retention.audit_days", "SIMPLETUNER_AUDIT_RETENTION_DAYS"},
          out.audit_days, 0, century);
}

} // namespace tunerd::config
