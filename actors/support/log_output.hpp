#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tunerd {

/// Writes as much of `text` as `fd` takes without blocking. Takes no lock and
/// allocates nothing. @returns how many bytes it wrote.
size_t write_without_waiting(int fd, std::string_view text) noexcept;

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

  /// Writes whole lines. Never throws.
  /// @returns whether the descriptor began to fail or to work with this.
  change write(std::string_view lines) noexcept;

  /// Goes on with another descriptor.
  /// @param error Why `fd` is -1, an errno.
  void use(int fd, int error = 0) noexcept;

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
  size_t put(std::string_view text) noexcept;
  change fail(std::string_view rest, int error) noexcept;

  int fd_;
  /// A file takes any amount without a word; a pipe is asked first.
  bool is_file_ = false;
  /// Whether the last line ended in the middle.
  bool torn_ = false;
  int open_error_ = 0;
  int error_ = 0;
  uint64_t lost_ = 0;
};

} // namespace tunerd
