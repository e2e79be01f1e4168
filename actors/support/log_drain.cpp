#include "actors/support/log_drain.hpp"

#include "actors/support/log.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.tasks"};

void report(std::string_view name, const log_output& output,
            log_output::change change) {
  if (change == log_output::change::failed)
    log.error("Cannot write the log to {}: {}", name,
              std::generic_category().message(output.error()));
  else if (change == log_output::change::recovered)
    log.warning("Writing the log to {} again, {} lines are missing", name,
                output.lost());
}

/// Whether the name still leads to the open file.
bool is_in_place(const std::string& path, const struct stat& open_file) {
  struct stat named = {};
  return ::stat(path.c_str(), &named) == 0 && named.st_ino == open_file.st_ino
         && named.st_dev == open_file.st_dev;
}

} // namespace

log_file::log_file(settings how) : settings_(std::move(how)) {
  reopen();
}

log_file::~log_file() {
  if (output_.fd() >= 0)
    ::close(output_.fd());
}

void log_file::reopen() noexcept {
  if (settings_.path.empty())
    return;
  const auto before = output_.fd();
  // O_NONBLOCK concerns named pipes only: nobody waits for their reader.
  const auto fd = ::open(
    settings_.path.c_str(),
    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  output_.use(fd, fd < 0 ? errno : 0);
  if (before >= 0)
    ::close(before); // now: at any moment there is one to dump the lines to
}

void log_file::write(std::string_view lines) noexcept {
  if (settings_.path.empty())
    return;
  if (output_.fd() < 0)
    reopen();
  try {
    rotate_if_new_day();
  } catch (...) {
    // Out of memory: the next batch rotates.
  }
  const auto change = output_.write(lines);
  try {
    report(settings_.path, output_, change);
    rotate_if_large();
  } catch (...) {
    // Out of memory: the lines are written; the next batch rotates.
  }
}

void log_file::rotate_if_new_day() {
  if (!settings_.today)
    return;
  struct stat status = {};
  const auto today = settings_.today();
  // What a process before us left tells its day by its last change.
  if (!day_ && ::fstat(output_.fd(), &status) == 0 && status.st_size > 0)
    day_ = status.st_mtim.tv_sec / (24 * 60 * 60);
  const auto before = std::exchange(day_, today).value_or(today);
  if (before != today && ::fstat(output_.fd(), &status) == 0
      && status.st_size > 0)
    rotate_now(status);
}

void log_file::rotate_if_large() {
  struct stat status = {};
  if (settings_.rotate_bytes != 0 && ::fstat(output_.fd(), &status) == 0
      && std::cmp_greater_equal(status.st_size, settings_.rotate_bytes))
    rotate_now(status);
}

void log_file::rotate_now(const struct stat& status) {
  // Somebody else may have moved the file; then a new one is enough.
  const bool failed = is_in_place(settings_.path, status) && !rotate();
  if (failed && !rotation_failed_)
    log.error("Cannot rotate the log file {}", settings_.path);
  rotation_failed_ = failed;
  if (!failed)
    reopen();
}

bool log_file::rotate() const {
  const auto name = [this](unsigned n) {
    return n == 0 ? settings_.path : settings_.path + '.' + std::to_string(n);
  };
  std::error_code error;
  for (auto n = settings_.rotated_max; n > 0; --n) {
    std::filesystem::rename(name(n - 1), name(n), error);
    if (error && error != std::errc::no_such_file_or_directory)
      return false;
  }
  return settings_.rotated_max > 0;
}

log_drain::log_drain(int console_fd, log_file::settings file)
  : console_(console_fd), file_(std::move(file)) {
}

void log_drain::write(std::string_view lines) noexcept {
  if (lines.empty())
    return;
  file_.write(lines);
  if (console_.fd() < 0)
    return;
  const auto change = console_.write(lines);
  try {
    report("stdout", console_, change);
  } catch (...) {
    // Out of memory; the loss is counted.
  }
}

} // namespace tunerd
