#pragma once

#include "actors/support/log_output.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

struct stat;

namespace tunerd {

/// The log file: appended to, never truncated, rotated at a size and by day.
/// Not thread-safe; blocks as the disk does; never throws.
class log_file {
public:
  struct settings {
    /// Empty for none.
    std::string path = {};
    /// At this size FILE becomes FILE.1, FILE.1 becomes FILE.2 ... 0: never.
    uint64_t rotate_bytes = 0;
    /// Older ones are deleted.
    unsigned rotated_max = 0;
    /// Counts days; the file is also rotated when it changes. Empty: never.
    std::function<int64_t()> today = {};
  };

  explicit log_file(settings how);
  ~log_file();

  log_file(const log_file&) = delete;
  log_file& operator=(const log_file&) = delete;

  void write(std::string_view lines) noexcept;

  /// Closes the file and opens it by its name again.
  void reopen() noexcept;

  log_output& output() noexcept {
    return output_;
  }
  const log_output& output() const noexcept {
    return output_;
  }

private:
  void rotate_if_new_day();
  void rotate_if_large();
  /// @param status Of the open file.
  void rotate_now(const struct stat& status);
  bool rotate() const;

  const settings settings_;
  log_output output_{-1};
  /// The day of what is in the file; unset while that is not known.
  std::optional<int64_t> day_ = {};
  bool rotation_failed_ = false;
};

/// Writes lines to the console and to a file. Trouble with one of them does
/// not concern the other and is said in a line when it begins and when it
/// ends. Not thread-safe; blocks; never throws.
class log_drain {
public:
  /// @param console_fd Not owned; -1 for none.
  log_drain(int console_fd, log_file::settings file);

  /// Nothing of the next `write` is written yet.
  void begin() noexcept {
    console_.begin();
    file_.output().begin();
  }

  /// Writes whole lines.
  void write(std::string_view lines) noexcept;

  /// For handlers of fatal signals, in the thread that writes or while no
  /// thread does: writes what of `lines` is not written since `begin`.
  void write_rest(std::string_view lines) const noexcept {
    file_.output().write_rest(lines);
    console_.write_rest(lines);
  }

  /// The same for lines that no `write` was called with.
  void write_last(std::string_view lines) const noexcept {
    file_.output().write_last(lines);
    console_.write_last(lines);
  }

  /// Closes the file and opens it by its name again.
  void reopen() noexcept {
    file_.reopen();
  }

  /// @returns how many lines are missing in the console or in the file.
  uint64_t lost() const noexcept {
    return console_.lost() + file_.output().lost();
  }

private:
  log_output console_;
  log_file file_;
};

} // namespace tunerd
