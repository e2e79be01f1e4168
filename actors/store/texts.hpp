#pragma once

#include <caf/timespan.hpp>

#include <cstdint>
#include <string>

// Money and spans of time as people read them.

namespace tunerd::sql {

/// @returns e.g. "$12.50"; more decimals where the value has them.
std::string usd_text(int64_t micros);

/// @returns e.g. "1h 0m 3s", "3s"; below a second "350ms".
std::string span_text(caf::timespan span);

} // namespace tunerd::sql
