#include "actors/support/log_output.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace tunerd {

namespace {

/// How long a pipe or a terminal may refuse to take a page.
constexpr int stall_ms_max = 1'000;
/// The same in a process that dies.
constexpr int last_stall_ms = 200;

bool is_writable(int fd, int timeout_ms) noexcept {
  pollfd entry{fd, POLLOUT, 0};
  // poll ignores a negative descriptor until the time is over.
  return fd >= 0 && ::poll(&entry, 1, timeout_ms) > 0;
}

/// While it lives a broken pipe is an error, and no signal that ends a program
/// of which we are a part only.
class without_sigpipe {
public:
  without_sigpipe() noexcept {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }

  ~without_sigpipe() {
    const auto error = errno;
    const timespec at_once = {};
    while (!was_pending_ && sigtimedwait(&pipe_, nullptr, &at_once) < 0
           && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }

  without_sigpipe(const without_sigpipe&) = delete;
  without_sigpipe& operator=(const without_sigpipe&) = delete;

private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_;
};

/// One write of at most a page if `fd` takes it in time. @returns the bytes
/// written, or -1 and errno.
ssize_t write_page(int fd, std::string_view text, int timeout_ms) noexcept {
  errno = ETIMEDOUT;
  if (!is_writable(fd, timeout_ms))
    return -1;
  const without_sigpipe quiet;
  return ::write(fd, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
}

} // namespace

size_t write_without_waiting(int fd, std::string_view text,
                             int stall_ms) noexcept {
  size_t done = 0;
  while (done < text.size()) {
    const auto n = write_page(fd, text.substr(done), stall_ms);
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
  const auto flags = ::fcntl(fd, F_GETFL);
  position_ = flags != -1 && (flags & O_APPEND) != 0 ? SEEK_END : SEEK_CUR;
  torn_ = false;
  open_error_ = error;
}

size_t log_output::put(std::string_view text) noexcept {
  // One that has failed is not waited for again.
  const int timeout_ms = error_ == 0 ? stall_ms_max : 0;
  size_t done = 0;
  while (done < text.size()) {
    const auto rest = text.substr(done);
    const auto n = is_file_ ? ::write(fd_, rest.data(), rest.size())
                            : write_page(fd_, rest, timeout_ms);
    if (n > 0)
      done_ = done += static_cast<size_t>(n);
    else if (n == 0 || errno != EINTR)
      break;
  }
  return done;
}

log_output::change log_output::write(std::string_view lines) noexcept {
  if (torn_ && put("\n") == 0) {
    stage_ = stage::after;
    return fail(lines, errno);
  }
  torn_ = false;
  done_ = 0;
  begin_ = is_file_ ? ::lseek(fd_, 0, position_) : 0;
  stage_ = stage::writing;
  const auto done = put(lines);
  const auto error = errno;
  stage_ = stage::after;
  if (done < lines.size()) {
    torn_ = done > 0 && lines[done - 1] != '\n';
    return fail(lines.substr(done), error);
  }
  const auto before = std::exchange(error_, 0);
  return before == 0 ? change::none : change::recovered;
}

void log_output::write_rest(std::string_view lines) const noexcept {
  if (stage_ == stage::after)
    return;
  size_t done = 0;
  if (stage_ == stage::writing)
    // The system knows how far a file is even if the signal came between its
    // writing and our counting.
    done = is_file_ ? static_cast<size_t>(::lseek(fd_, 0, SEEK_CUR) - begin_)
                    : done_.load();
  if (done < lines.size())
    write_last(lines.substr(done));
}

void log_output::write_last(std::string_view lines) const noexcept {
  write_without_waiting(fd_, lines, last_stall_ms);
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
