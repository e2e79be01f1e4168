#pragma once

#include "actors/support/log_core.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tunerd::test {

/// One line of the log, taken apart.
struct log_line {
  std::string level;
  std::string logger;
  std::string message;
  std::string correlation_id;
  /// Values as texts: numbers as JSON writes them.
  std::map<std::string, std::string> extra;
  /// Where it was written, e.g. "poll".
  std::string function;
  /// Empty if the line has none.
  std::string exception;
  /// The whole line as written, without its line break.
  std::string text;
};

/// Receives every line of the process while it lives, instead of stdout, from
/// DEBUG up and in order:
///
///     log_capture log;
///     ...
///     CHECK(log.contains("Dispatching job j1 to replicate"));
///     CHECK(log.with("job_id", "j1").size() == 3);
///     for (const auto& line : log.with_correlation_id("corr-1")) ...
///
/// Lines outside of any unit of work have the correlation id "no-work". One
/// at a time; put it before what logs.
class log_capture {
public:
  explicit log_capture(log_level level = log_level::debug);

  /// Puts back the settings that were in force.
  ~log_capture();

  log_capture(const log_capture&) = delete;
  log_capture& operator=(const log_capture&) = delete;

  /// @returns all lines so far; valid until the next call.
  const std::vector<log_line>& lines();

  /// @returns the lines whose message contains `text`, in order.
  std::vector<log_line> lines_with(std::string_view text);

  /// @returns whether some message contains `text`.
  bool contains(std::string_view text);

  /// The same for one level, e.g. "WARNING".
  bool contains(std::string_view level, std::string_view text);

  /// @returns the lines with this value under `key` in `extra`.
  std::vector<log_line> with(const std::string& key, std::string_view value);

  /// @returns the lines of one unit of work.
  std::vector<log_line> with_correlation_id(std::string_view id);

  /// Forgets the lines so far.
  void clear();

  /// @returns all messages, one per line, for INFO(...) in tests.
  std::string messages();

private:
  template <class Predicate>
  std::vector<log_line> filter(Predicate matches);

  log_settings before_;
  std::vector<log_line> lines_;
};

} // namespace tunerd::test
