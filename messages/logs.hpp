#pragma once

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>

namespace tunerd {

/// How much a log line matters. Written by name, upper case.
enum class log_level : uint8_t { debug, info, warning, error, critical };

/// @returns "DEBUG", "INFO", "WARNING", "ERROR" or "CRITICAL".
std::string to_string(log_level level);

/// INTERNAL to the log sink: lines wait in the buffer.
struct write_log {};

/// Command to the log sink: close the file and open it by name again, because
/// somebody has moved it (logrotate). Sent on SIGHUP.
struct reopen_log {};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, write_log&) {
  return f(caf::meta::type_name("write_log"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, reopen_log&) {
  return f(caf::meta::type_name("reopen_log"));
}

} // namespace tunerd
