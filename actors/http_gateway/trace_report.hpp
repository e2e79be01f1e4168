#pragma once

#include "messages/audit.hpp"
#include "messages/json.hpp"
#include "messages/logs.hpp"

#include <nlohmann/json_fwd.hpp>

namespace tunerd {

/// @returns the reply of `/api/tunerd/trace/{correlation_id}`. Pure.
/// @param view For the jobs.
nlohmann::ordered_json trace_json(const trace_found& x,
                                  const std::string& correlation_id,
                                  const job_view& view);

/// @returns what the same reply says of the log. Pure. Admins see every line
/// of the id, others those about the jobs in `seen`: an id is chosen by
/// clients, so several orgs may use one.
nlohmann::ordered_json log_json(const log_lines_found& x,
                                const trace_found& seen, const caller& who);

} // namespace tunerd
