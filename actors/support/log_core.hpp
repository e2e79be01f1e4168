#pragma once

#include "actors/support/clocks.hpp"
#include "actors/support/log_line.hpp"
#include "actors/support/system_clock.hpp"
#include "config/logging.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

// The one log of the process: what is written, where to, and who writes it.
// Works from the first line on, to stdout in JSON from INFO up. Until somebody
// drives it lines wait in the buffer for `drain_log`, at the latest for the
// end of the process.

namespace tunerd {

struct log_settings {
  /// Lines below it are not written.
  log_level level = log_level::info;
  /// Names with a level of their own; it holds for the names below them too.
  std::map<std::string, log_level, std::less<>> levels = {};
  /// Values of keys with one of these in them are hidden, besides those of
  /// `is_secret`'s own. Lower case, '_' instead of '-'.
  std::vector<std::string> secret_words = {};
  /// Whether a line is a JSON object, else text.
  bool json_output = true;
  /// Written besides the console, created or appended to; empty for none.
  std::string file = {};
  /// Whether lines from ERROR up and those with an exception tell which calls
  /// led to them.
  bool include_stack_info = false;
  /// Not owned; -1 for none.
  int console_fd = 1;
  /// Of lines that belong to no unit of work. Empty: one per process.
  std::string correlation_id = {};
  /// The file is rotated at this size; 0: never.
  uint64_t rotate_bytes = 100 * 1024 * 1024;
  /// Whether it is also rotated when the day changes, UTC.
  bool rotate_daily = false;
  /// Rotated files to keep.
  unsigned rotated_max = 10;
};

/// @returns the settings of the section.
log_settings to_log_settings(const config::logging& section);

/// From now on lines are made and written this way; those made before are
/// written the old way first. As often as one likes, from any thread; blocks
/// while it writes.
void configure_logging(log_settings settings,
                       wall_clock now = system_clock_now);

/// @returns what is in force.
log_settings current_log_settings();

/// From now on `name` and the names below it are written from `level` on; with
/// an empty name everything that has no level of its own. Any thread; blocks
/// while it writes.
void set_log_level(const std::string& name, log_level level);

/// Takes the level of `name` away: that of the nearest name above it holds. Any
/// thread; blocks while it writes. @returns whether it had one.
bool clear_log_level(const std::string& name);

/// Writes every line made before the call. Any thread; blocks.
void drain_log() noexcept;

/// Closes the log file and opens it by its name again. Any thread; blocks.
void reopen_log_file() noexcept;

/// Drives the log: while it lives `wake` is called when lines wait, and its
/// owner then calls `drain_log`. Its end writes what is left. The last one
/// made that still lives is the one that counts.
class log_driver {
public:
  /// @param wake Called on any thread that logs: must neither block nor log.
  ///        May be called once more while the driver ends.
  explicit log_driver(std::function<void()> wake);
  ~log_driver();

  log_driver(const log_driver&) = delete;
  log_driver& operator=(const log_driver&) = delete;
};

struct log_counters {
  /// Lines made so far.
  uint64_t lines = 0;
  /// Lines that found no room.
  uint64_t dropped = 0;
  /// Lines that stdout or the file did not take.
  uint64_t lost = 0;
};

/// @returns the counts since the start of the process. Any thread; does not
/// wait.
log_counters count_log_lines() noexcept;

/// Takes the lines that wait; they are not written. For tests.
std::string take_log_lines();

/// Writes what is not written yet, then a CRITICAL line, unless `text` is
/// empty; nothing is written after that. Waits for up to two seconds for the
/// thread that writes. For handlers of fatal signals: async-signal-safe, takes
/// no lock.
///
/// Every line that was accepted reaches the file exactly once. A pipe or a
/// terminal may get one page twice, and loses what it does not take within 200
/// ms per page.
/// @param value For the `{}` of the text.
void dump_log(std::string_view text, std::string_view value) noexcept;

namespace detail {

/// Completes the record, makes the line of it and puts it into the buffer.
void write_record(log_record record) noexcept;

} // namespace detail

} // namespace tunerd
