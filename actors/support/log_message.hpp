#pragma once

#include "actors/support/log.hpp"
#include "actors/support/log_escape.hpp"

#include <span>
#include <string>
#include <string_view>

namespace tunerd {

// Whatever a line is made of, it has a largest size, so that it always finds
// room in an empty buffer. Sizes are those of what is written, escaped; the
// mark of what is cut comes on top.

/// Of a message, a value, the text of an exception and a stack, in bytes.
constexpr size_t log_string_bytes_max = 16 * 1024;
/// Of the names in a line: keys, correlation id, logger, file, function.
constexpr size_t log_name_bytes_max = 256;

/// Appends `text` with its placeholders filled. One that is unknown or has no
/// argument stays as it is.
void append_message(std::string& out, std::string_view text,
                    std::span<const log_value> args, escape how);

/// Appends a JSON string.
void append_quoted(std::string& out, std::string_view text,
                   size_t room = log_string_bytes_max);

/// Appends a value as JSON; as a string if JSON has no such number. Only
/// strings are cut.
void append_json_value(std::string& out, const log_value& value,
                       size_t room = log_string_bytes_max);

} // namespace tunerd
