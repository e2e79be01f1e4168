#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tunerd {

/// What else is escaped besides control characters.
enum class escape {
  /// Nothing: for people.
  text,
  /// Quotes and backslashes: for JSON strings.
  json,
};

/// Appends `text` without line breaks and other control characters (they
/// become \n, \u001b ...) and with U+FFFD for what is not UTF-8. Stops before a
/// character that would make it more than `room` bytes as written.
/// @returns how many bytes of `text` are written.
size_t append_fitting(std::string& out, std::string_view text, escape how,
                      size_t room);

/// Appends the mark of a text that goes on: "...[N bytes cut]".
void append_cut(std::string& out, size_t bytes);

/// The same as `append_fitting`, with the mark if it does not fit.
void append_escaped(std::string& out, std::string_view text, escape how,
                    size_t room = std::string_view::npos);

/// @returns the bare name in what a compiler calls a function, e.g. "poll" for
/// "void tunerd::job_poller_state::poll()"; for a lambda that of the function
/// around it.
std::string_view base_name_of(std::string_view function);

} // namespace tunerd
