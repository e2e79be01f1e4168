#pragma once

#include <chrono>

namespace tunerd::config {

/// Section `tunerd.approvals`.
struct approvals {
  /// How often everything that is due is looked for. Range: 1 s to 1 day. Key:
  /// `interval_seconds`; SIMPLETUNER_APPROVAL_CHECK_INTERVAL.
  std::chrono::seconds interval{300};
  /// How long a request may wait unless its rule says. Range: 1 s to 1 year.
  /// Key: `default_deadline_seconds`.
  std::chrono::seconds default_deadline{86'400};
  /// How long before its deadline people are warned. Range: 0 to 30 days. Key:
  /// `warn_before_seconds`.
  std::chrono::seconds warn_before{3'600};
};

} // namespace tunerd::config
