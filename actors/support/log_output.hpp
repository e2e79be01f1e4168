#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <unistd.h>

namespace tunerd {

/// Writes as much of `text` as `fd` takes without making it wait for longer
/// than `stall_ms` per page. Async-signal-safe. @returns how many bytes it
/// wrote.
size_t write_without_waiting(int fd, std::string_view text,
                             int stall_ms = 0) noexcept;

/// One place that lines go to: a descriptor that may fail and work again.
///
/// What it cannot take goes to stderr the first time; after that it is counted
/// until the descriptor works again. Not thread-safe; blocks for at most
/// `stall` per page.
class log_output {
public:
  enum class change { none, failed, recovered };

  /// @param fd Not owned; -1 for one that could not be opened.
  explicit log_output(int fd) noexcept;

  /// Nothing of the next `write` is written yet.
  void begin() noexcept {
    stage_ = stage::before;
  }

  /// Writes whole lines. Never throws.
  /// @returns whether the descriptor began to fail or to work with this.
  change write(std::string_view lines) noexcept;

  /// Goes on with another descriptor.
  /// @param error Why `fd` is -1, an errno.
  void use(int fd, int error = 0) noexcept;

  /// For handlers of fatal signals, in the thread that writes or while no
  /// thread does: writes what of `lines` is not written since `begin`. A file
  /// gets no byte twice.
  void write_rest(std::string_view lines) const noexcept;

  /// The same for lines that no `write` was called with.
  void write_last(std::string_view lines) const noexcept;

  int fd() const noexcept {
    return fd_;
  }

  /// The errno of the failure that lasts, 0 if it works.
  int error() const noexcept {
    return error_;
  }

  /// Lines that are missing here since it was made.
  uint64_t lost() const noexcept {
    return lost_;
  }

private:
  enum class stage : uint8_t { before, writing, after };

  size_t put(std::string_view text) noexcept;
  change fail(std::string_view rest, int error) noexcept;

  std::atomic<int> fd_;
  std::atomic<stage> stage_{stage::after};
  /// While it is writing: where a file ended before, and how much of the text
  /// something else has taken.
  std::atomic<off_t> begin_{0};
  std::atomic<size_t> done_{0};
  /// A file takes any amount without a word; a pipe is asked first.
  bool is_file_ = false;
  /// Where a file is written: at its end or at its position.
  int position_ = SEEK_CUR;
  /// Whether the last line ended in the middle.
  bool torn_ = false;
  int open_error_ = 0;
  int error_ = 0;
  uint64_t lost_ = 0;
};

} // namespace tunerd
