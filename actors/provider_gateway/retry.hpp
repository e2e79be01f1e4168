#pragma once

#include "messages/http.hpp"

#include <cstdint>

namespace tunerd {

/// How often a query or cancellation is tried in all.
inline constexpr int tries_max = 3;

/// @returns whether asking once more may help: connection errors, 429, 500,
/// 502, 503, 504. Not for submissions.
bool is_worth_retrying(const http_response& response);

/// @param tried How many tries have failed, from 1.
/// @param asked What the provider asked for; counts up to the cap.
/// @param random Any bits.
/// @returns 1 s x 2^n, at least `asked`, at most 30 s; plus 0-25 % jitter.
caf::timespan retry_delay(int tried, caf::timespan asked, uint64_t random);

} // namespace tunerd
