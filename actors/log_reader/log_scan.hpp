#pragma once

#include "actors/log_reader/log_search.hpp"

#include <string>
#include <vector>

namespace tunerd {

/// Bounds of one search.
struct log_scan_limits {
  /// Of the answer.
  size_t lines = 5'000;
  size_t bytes = 1024 * 1024;
  /// The newest ones are read.
  size_t files = 64;
  /// Read at once.
  size_t piece = 4 * 1024 * 1024;
};

/// One search for the lines of a correlation id in a log file and the rotated
/// ones (FILE, FILE.1, ...), the newest file first, in pieces. It sees the
/// files as they are when it begins: what is written or rotated meanwhile
/// neither adds nor hides lines. Blocks for the disk; holds the files open.
class log_scan {
public:
  /// Opens the files; two in a row that are missing end the series.
  log_scan(const std::string& file, std::string correlation_id,
           log_scan_limits limits = {});
  ~log_scan();

  log_scan(const log_scan&) = delete;
  log_scan& operator=(const log_scan&) = delete;

  /// Searches the next piece. @returns whether there is more to search.
  bool step();

  /// @returns what was found so far in the order in which it was written.
  /// Takes it.
  std::vector<log_entry> take();

  /// Whether there may be more than was found.
  bool truncated() const noexcept {
    return is_full_ || too_many_files_ || current_ < files_.size();
  }

private:
  struct open_file {
    int fd = -1;
    /// Not read yet; what is appended from now on does not count.
    size_t left = 0;
    std::vector<log_entry> found = {};
  };

  /// @returns whether `path` could be opened.
  bool open(const std::string& path);
  bool keep(open_file& from, log_entry x);
  void search(open_file& in, bool at_end);

  const log_search search_;
  const log_scan_limits limits_;
  /// Newest first.
  std::vector<open_file> files_ = {};
  size_t current_ = 0;
  /// What was read of the current file and not searched: a line's beginning.
  std::string text_ = {};
  size_t lines_ = 0;
  size_t bytes_ = 0;
  /// Whether something was found that the answer had no room for.
  bool is_full_ = false;
  bool too_many_files_ = false;
};

} // namespace tunerd
