#pragma once

#include <string>
#include <string_view>
#include <thread>

namespace tunerd {

/// @returns what of a line of CAF's may be shown: the content of messages is
/// cut off, it may hold secrets. Pure.
std::string_view without_content(std::string_view line);

/// Writes what CAF prints by itself into the log, as warnings of
/// `simpletuner.cloud.tasks`. Our actors say in the log what they have to say
/// (`traced`); this is what is left: actors of CAF's own.
class caf_output {
public:
  /// Starts a thread. @throws std::system_error if there are no descriptors.
  caf_output();

  /// Logs what is left. Blocks for that.
  ~caf_output();

  caf_output(const caf_output&) = delete;
  caf_output& operator=(const caf_output&) = delete;

  /// @returns the file to redirect CAF's output to while this lives.
  const std::string& path() const {
    return path_;
  }

private:
  void run() const;

  /// Read and written end.
  int text_[2] = {-1, -1};
  /// The second one is closed to end the thread.
  int stop_[2] = {-1, -1};
  std::string path_;
  std::thread thread_;
};

} // namespace tunerd
