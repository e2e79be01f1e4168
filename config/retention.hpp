#pragma once

#include <chrono>
#include <cstdint>

namespace tunerd::config {

/// Section `tunerd.retention`: how long what is over is kept.
struct retention {
  /// Days from a job's end; 0: for ever. Range: 0 to 36,500. Key: `job_days`;
  /// SIMPLETUNER_JOB_RETENTION_DAYS.
  int32_t job_days = 90;
  /// Days of the audit log; 0: for ever. Same range. Key: `audit_days`;
  /// SIMPLETUNER_AUDIT_RETENTION_DAYS.
  int32_t audit_days = 90;
};

} // namespace tunerd::config
