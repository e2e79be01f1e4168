#include "actors/support/log_output.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace tunerd {

namespace {

/// How long a pipe or a terminal may refuse to take a page.
constexpr int stall_ms = 1'000;

bool is_writable(int fd, int timeout_ms) noexcept {
  pollfd entry{fd, POLLOUT, 0};
  // poll ignores a negative descriptor until the time is over.
  return fd >= 0 && ::poll(&entry, 1, timeout_ms) > 0;
}

/// One write of at most a page if `fd` takes it in time. @returns the bytes
/// written, or -1 and errno.
ssize_t write_page(int fd, std::string_view text, int timeout_ms) noexcept {
  errno = ETIMEDOUT;
  if (!is_writable(fd, timeout_ms))
    return -1;
  return ::write(fd, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
}

} // namespace

size_t write_without_waiting(int fd, std::string_view text) noexcept {
  size_t done = 0;
  while (done < text.size()) {
    const auto n = write_page(fd, text.substr(done), 0);
    if (n > 0)
      done += static_cast<size_t>(n);
    else if (n == 0 || errno != EINTR)
      break;
  }
  return done;
}

log_output::log_output(int fd) noexcept : fd_(fd) {
  use(fd);
}

void log_output::use(int fd, int error) noexcept {
  struct stat status = {};
  fd_ = fd;
  is_file_ = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  torn_ = false;
  open_error_ = error;
}

size_t log_output::put(std::string_view text) noexcept {
  // One that has failed is not waited for again.
  const int timeout_ms = error_ == 0 ? stall_ms : 0;
  size_t done = 0;
  while (done < text.size()) {
    const auto rest = text.substr(done);
    const auto n = is_file_ ? ::write(fd_, rest.data(), rest.size())
                            : write_page(fd_, rest, timeout_ms);
    if (n > 0)
      done += static_cast<size_t>(n);
    else if (n == 0 || errno != EINTR)
      break;
  }
  return done;
}

log_output::change log_output::write(std::string_view lines) noexcept {
  if (torn_ && put("\n") == 0)
    return fail(lines, errno);
  torn_ = false;
  const auto done = put(lines);
  if (done < lines.size()) {
    const auto error = errno;
    torn_ = done > 0 && lines[done - 1] != '\n';
    return fail(lines.substr(done), error);
  }
  const auto before = std::exchange(error_, 0);
  return before == 0 ? change::none : change::recovered;
}

log_output::change log_output::fail(std::string_view rest, int error) noexcept {
  lost_ += static_cast<uint64_t>(std::count(rest.begin(), rest.end(), '\n'));
  const auto why = open_error_ != 0 ? open_error_ : error != 0 ? error : EIO;
  const auto before = std::exchange(error_, why);
  if (before != 0)
    return change::none;
  write_without_waiting(STDERR_FILENO, rest);
  return change::failed;
}

} // namespace tunerd
