#pragma once

#include <chrono>
#include <optional>

namespace tunerd::config {

/// Section `background.job_status_polling`.
struct polling {
  /// Unset: poll the providers that have no webhook URL. Key: `enabled`.
  std::optional<bool> enabled = std::nullopt;

  /// Time from the start of one round to the start of the next. Range: 1 s to
  /// 1 h. Key: `interval_seconds`; SIMPLETUNER_JOB_POLL_INTERVAL.
  std::chrono::seconds interval{30};
};

} // namespace tunerd::config
