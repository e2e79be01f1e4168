#pragma once

#include "messages/context.hpp"

namespace tunerd {

/// @returns the time of day of this machine, UTC. What the log uses until it
/// is configured, and what the composition root hands to everyone as their
/// `wall_clock`; nobody else calls it.
timestamp system_clock_now();

} // namespace tunerd
