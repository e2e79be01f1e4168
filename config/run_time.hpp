#pragma once

#include <chrono>

namespace tunerd::config {

/// No job runs for longer, whatever a provider, a setting or a submission says.
inline constexpr std::chrono::minutes run_time_max{7 * 24 * 60};

} // namespace tunerd::config
