#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Nothing of CAF: the public logging header needs it.

namespace tunerd {

/// How much a log line matters. Written by name, upper case.
enum class log_level : uint8_t { debug, info, warning, error, critical };

/// @returns "DEBUG", "INFO", "WARNING", "ERROR" or "CRITICAL".
std::string to_string(log_level level);

/// @returns the level of that name, in any case, or none.
std::optional<log_level> parse_log_level(std::string_view text);

} // namespace tunerd
