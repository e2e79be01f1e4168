#pragma once

#include "actors/support/log.hpp"
#include "actors/support/log_escape.hpp"

#include <span>
#include <string>
#include <string_view>

namespace tunerd {

/// Longer strings, in bytes, end in "..." instead.
constexpr size_t log_string_bytes_max = 16 * 1024;

/// Appends `text` with its placeholders filled. One that is unknown or has no
/// argument stays as it is.
void append_message(std::string& out, std::string_view text,
                    std::span<const log_value> args, escape how);

/// Appends a JSON string.
void append_quoted(std::string& out, std::string_view text);

/// Appends a value as JSON; as a string if JSON has no such number.
void append_json_value(std::string& out, const log_value& value);

} // namespace tunerd
