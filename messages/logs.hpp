#pragma once

#include "messages/context.hpp"
#include "messages/log_level.hpp"

#include <caf/meta/type_name.hpp>
#include <caf/optional.hpp>

#include <map>
#include <string>
#include <vector>

namespace tunerd {

/// INTERNAL to the log sink: lines wait in the buffer.
struct write_log {};

/// Command to the log sink: close the file and open it by name again, because
/// somebody has moved it (logrotate). Sent on SIGHUP.
struct reopen_log {};

/// Query: which lines are written.
struct get_log_levels {
  context ctx;
};

/// Command: write the lines of a logger and those below it from `level` on,
/// until the next reload of the settings.
struct change_log_level {
  context ctx;
  /// Empty for everything that has no level of its own.
  std::string logger = {};
  /// None: the logger has no level of its own any more.
  caf::optional<log_level> level = caf::none;
};

/// Answer to `get_log_levels` and `change_log_level`: what is in force.
struct log_levels {
  context ctx;
  log_level level = log_level::info;
  /// Loggers with a level of their own.
  std::map<std::string, log_level> loggers = {};
};

/// One line of the log, taken apart.
struct log_entry {
  /// ISO 8601 in UTC, as written.
  std::string time;
  std::string level;
  std::string logger;
  std::string message;
  /// A JSON object.
  std::string fields = "{}";
};

/// Query to the log reader: the lines of one correlation id.
struct find_log_lines {
  context ctx;
  std::string correlation_id;
};

/// Answer to `find_log_lines`.
struct log_lines_found {
  context ctx;
  /// In the order in which they were written.
  std::vector<log_entry> lines = {};
  /// Whether lines are written to a file at all.
  bool has_file = false;
  /// Whether there may be more: the answer is full, or time was up. The oldest
  /// files are the ones that were not read.
  bool truncated = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, write_log&) {
  return f(caf::meta::type_name("write_log"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, reopen_log&) {
  return f(caf::meta::type_name("reopen_log"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_log_levels& x) {
  return f(caf::meta::type_name("get_log_levels"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, change_log_level& x) {
  return f(caf::meta::type_name("change_log_level"), x.ctx, x.logger, x.level);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, log_levels& x) {
  return f(caf::meta::type_name("log_levels"), x.ctx, x.level, x.loggers);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, log_entry& x) {
  return f(caf::meta::type_name("log_entry"), x.time, x.level, x.logger,
           x.message, x.fields);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, find_log_lines& x) {
  return f(caf::meta::type_name("find_log_lines"), x.ctx, x.correlation_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, log_lines_found& x) {
  return f(caf::meta::type_name("log_lines_found"), x.ctx, x.lines, x.has_file,
           x.truncated);
}

} // namespace tunerd
