#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace tunerd::tunerctl {

/// @returns the answer of GET /api/tunerd/trace/{correlation_id} as one list in
/// order of time: "time  what  who  text  fields", a line each. What is a log
/// level, or the kind of what is stored, in lower case. Control characters are
/// replaced.
std::string timeline(const nlohmann::json& trace);

} // namespace tunerd::tunerctl
