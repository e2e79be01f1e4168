#pragma once

#include "messages/context.hpp"

#include <cstdint>
#include <functional>
#include <string>

// Time of day and randomness, given to whoever needs them: tests and the
// simulator pass their own. Intervals use the clock of the actor system.

namespace tunerd {

/// Tells the time of day, UTC. Callable from any thread.
using wall_clock = std::function<timestamp()>;

/// Makes 64 random bits. Callable from any thread.
using random_source = std::function<uint64_t()>;

/// What the outside gives an actor.
struct outside {
  wall_clock now;
  random_source random;
};

/// @returns a new correlation id: 12 lower-case hex digits.
std::string new_correlation_id(const random_source& random);

/// @returns `count` * 4 random bits as lower-case hex digits.
std::string random_hex(const random_source& random, size_t count);

} // namespace tunerd
