#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>

// JSON from outside. Nothing here throws, whatever the text is.

namespace tunerd {

/// @returns the value in `text`, or none if it is not JSON or nests deeper than
/// any sane input (100), which would cost stack when it is written again.
std::optional<nlohmann::json> parse_json(std::string_view text);

/// @returns `value` as canonical text: sorted keys, no blanks, bad UTF-8
/// replaced.
std::string json_text(const nlohmann::json& value);

/// @returns member `key` of `object`; null if there is none or `object` is no
/// object. The reference lives as long as `object`.
const nlohmann::json& member(const nlohmann::json& object, const char* key);

/// @returns member `key` of `object` if it is a text, else "".
std::string text_member(const nlohmann::json& object, const char* key);

/// @returns at most `bytes_max` bytes of `text`, cut between characters.
std::string shortened(std::string text, size_t bytes_max);

/// @returns the end of `text`, at most `bytes_max` bytes, from the beginning of
/// a line on; of a line that is itself longer, from a character on.
std::string last_lines(std::string text, size_t bytes_max);

} // namespace tunerd
