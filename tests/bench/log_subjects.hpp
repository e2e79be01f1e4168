#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// What `tunerd-bench log` compares. All of them write the same text: an INFO
// line with two arguments, a correlation id and four context fields.

namespace tunerd::bench {

/// One way to log into a file. Its end writes what is left.
struct log_subject {
  virtual ~log_subject() = default;

  /// Logs that many lines. Any thread.
  virtual void log(uint64_t lines) = 0;

  /// Lines that will never reach the file, so far.
  virtual uint64_t dropped() {
    return 0;
  }
};

struct log_candidate {
  std::string name;
  /// @param file Created, and written by this subject alone.
  std::function<std::unique_ptr<log_subject>(const std::string& file)> make;
};

/// @returns tunerd first, then what else one could use.
std::vector<log_candidate> log_candidates();

} // namespace tunerd::bench
