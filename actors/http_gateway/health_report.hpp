#pragma once

#include "actors/http_gateway/survey.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

// What a survey says about the daemon's health. Pure.

namespace tunerd {

/// @returns the components of `/api/cloud/health`, the database first.
nlohmann::ordered_json components_json(const survey& seen);

/// @returns "unhealthy" if the first of `components` is, else "degraded" if
/// any is not healthy, else "healthy".
std::string overall_health(const nlohmann::ordered_json& components);

} // namespace tunerd
