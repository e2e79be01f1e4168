#pragma once

#include "messages/context.hpp"

#include <optional>
#include <string>
#include <string_view>

// Times as providers write them.

namespace tunerd {

/// @returns the time that ISO 8601 `text` names, or none. Without an offset it
/// is taken as UTC; digits below a nanosecond are dropped; years 1970-2199.
std::optional<timestamp> parse_iso_time(std::string_view text);

/// @returns e.g. "2024-01-15T10:30:00.000000Z".
std::string iso_time(timestamp time);

/// @returns the time that an HTTP date such as "Sun, 06 Nov 2094 08:49:37 GMT"
/// names, or none.
std::optional<timestamp> parse_http_date(std::string_view text);

} // namespace tunerd
