#pragma once

#include "messages/context.hpp"

#include <cstdint>

namespace tunerd {

/// How long to wait before the next try: a random share (full jitter) of
/// 1 s * 2^`setbacks`, of 30 s at most.
/// @param setbacks How many tries failed before this one.
/// @param random 64 random bits.
caf::timespan backoff(uint32_t setbacks, uint64_t random);

} // namespace tunerd
