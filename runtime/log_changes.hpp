#pragma once

#include "actors/support/log_core.hpp"

#include <string>

namespace tunerd {

/// @returns what differs in how lines are written, e.g. "level INFO -> DEBUG,
/// simpletuner.cloud.queue DEBUG -> none"; empty if nothing does.
std::string log_changes(const log_settings& before, const log_settings& after);

} // namespace tunerd
