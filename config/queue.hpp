#pragma once

#include <chrono>
#include <cstdint>

namespace tunerd::config {

/// Section `tunerd.queue` and `background.queue_processing`. Limits set over
/// the API are stored and win over these.
struct queue {
  /// Slots in all. Range: 1 to 1,000,000. Key: `max_concurrent`.
  int32_t max_concurrent = 5;
  /// Slots per user. Same range. Key: `user_max_concurrent`.
  int32_t user_max_concurrent = 2;
  /// Slots per team, with fair share. Same range. Key: `team_max_concurrent`.
  int32_t team_max_concurrent = 10;
  /// Slots per org; 0 or null: no limit. Key: `org_max_concurrent`.
  int32_t org_max_concurrent = 0;
  /// Slots per provider; 0 or null: no limit. Key: `provider_max_concurrent`.
  int32_t provider_max_concurrent = 0;
  /// Whether team limits act, and orgs, teams and users of equal priority take
  /// turns. Key: `enable_fair_share`.
  bool enable_fair_share = false;
  /// A job waiting this long rises by one level. Range: 1 min to 30 days. Key:
  /// `starvation_threshold_minutes`.
  std::chrono::minutes starvation_threshold{60};
  /// Refusals by the provider before a job fails. Range: 1 to 100. Key:
  /// `max_attempts`.
  int32_t max_attempts = 3;
  /// How often the scheduler looks although nothing woke it. Range: 1 s to
  /// 60 s. Key: `background.queue_processing.interval_seconds`.
  std::chrono::seconds interval{5};
};

} // namespace tunerd::config
