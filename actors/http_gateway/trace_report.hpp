#pragma once

#include "messages/audit.hpp"
#include "messages/json.hpp"

#include <nlohmann/json_fwd.hpp>

namespace tunerd {

/// @returns the reply of `/api/tunerd/trace/{correlation_id}`. Pure.
/// @param view For the jobs.
nlohmann::ordered_json trace_json(const trace_found& x,
                                  const std::string& correlation_id,
                                  const job_view& view);

} // namespace tunerd
