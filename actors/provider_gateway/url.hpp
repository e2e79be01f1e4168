#pragma once

#include <string>
#include <string_view>

namespace tunerd {

/// @returns "scheme://host:port" of `url` in lower case with the port always
/// written, or "" if it is not http or https, has no host, or a user name.
std::string origin_of(std::string_view url);

/// @returns `text` as one segment of a path: everything but letters, digits
/// and "-_~" is escaped, and so is ".", or ".." would lead elsewhere.
std::string escaped_segment(std::string_view text);

/// @returns `url` with `path` if it has none of its own; empty stays empty.
std::string with_default_path(std::string url, const std::string& path);

/// @returns `url` whose query has the parameter `name` once, at its end, with
/// `value`, whatever it said of it before, escaped or not.
/// @pre `name` needs no escaping
std::string with_parameter(std::string_view url, std::string_view name,
                           std::string_view value);

} // namespace tunerd
