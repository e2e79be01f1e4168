#pragma once

#include "messages/metrics.hpp"
#include "messages/providers.hpp"
#include "messages/workers.hpp"

#include <map>
#include <optional>
#include <string>

namespace tunerd {

/// How everybody is, as far as they said so in time.
struct survey {
  /// How long the database took.
  std::optional<caf::timespan> database = std::nullopt;
  /// Why it did not answer: a code.
  std::string database_error = {};
  std::optional<worker_list> workers = std::nullopt;
  std::optional<provider_list> providers = std::nullopt;
  std::optional<breaker_list> breakers = std::nullopt;

  /// Whether Replicate takes our credential; only if that was asked.
  std::optional<provider_validated> credential = std::nullopt;
  bool credential_asked = false;

  /// Only with `survey_scope::numbers`.
  std::optional<store_metrics> stored = std::nullopt;
  std::optional<polling_status> polling = std::nullopt;
  /// By provider.
  std::map<std::string, cost_limit_status> cost_limits = {};
};

/// What is asked besides how everybody is.
enum class survey_scope : uint8_t { health, credentials, numbers };

/// @returns how much of the limit is used, 100 for all; none if there is no
/// limit.
std::optional<double> percent_used(const cost_limit_status& x);

} // namespace tunerd
