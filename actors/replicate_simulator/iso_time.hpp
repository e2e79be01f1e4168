#pragma once

#include "messages/context.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tunerd::simulated {

/// @returns e.g. "2024-01-15T10:30:00.123456Z", as Replicate writes times.
std::string iso_time(timestamp time);

/// @returns e.g. "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(timestamp time);

/// Reads `YYYY-MM-DDTHH:MM:SS`, with a fraction or without, and `Z` or an
/// offset like `+02:00`. @returns none if `text` is anything else.
std::optional<timestamp> parse_iso_time(std::string_view text);

} // namespace tunerd::simulated
