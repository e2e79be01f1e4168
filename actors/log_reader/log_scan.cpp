#include "actors/log_reader/log_scan.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace tunerd {

namespace {

/// A line that is longer than that is passed over.
constexpr size_t line_max = 16 * 1024 * 1024;

/// Appends up to `count` bytes of `fd` to `out`. @returns how many; 0 at the
/// end, or when it cannot be read.
size_t read_more(int fd, std::string& out, size_t count) {
  const auto before = out.size();
  out.resize(before + count);
  ssize_t got = 0;
  do {
    got = ::read(fd, out.data() + before, count);
  } while (got < 0 && errno == EINTR);
  out.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return out.size() - before;
}

} // namespace

log_scan::log_scan(const std::string& file, std::string correlation_id,
                   log_scan_limits limits)
  : search_(std::move(correlation_id)), limits_(limits) {
  // The newest first: a rotation meanwhile shows a file twice, never not; in
  // the middle of one there is a gap.
  auto path = file;
  for (size_t n = 1, gaps = 0; !file.empty() && gaps < 2; ++n) {
    gaps = open(path) ? 0 : gaps + 1;
    path = file + "." + std::to_string(n);
  }
}

log_scan::~log_scan() {
  for (const auto& x : files_)
    ::close(x.fd);
}

bool log_scan::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return false;
  struct stat status {};
  const bool is_file
    = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) != 0;
  bool is_known = false;
  for (const auto& x : files_) {
    struct stat other {};
    is_known = is_known
               || (::fstat(x.fd, &other) == 0 && other.st_dev == status.st_dev
                   && other.st_ino == status.st_ino);
  }
  const bool has_room = files_.size() < limits_.files;
  too_many_files_ = too_many_files_ || (is_file && !is_known && !has_room);
  if (!is_file || is_known || !has_room) {
    ::close(fd);
    return is_known;
  }
  files_.push_back({.fd = fd, .left = static_cast<size_t>(status.st_size)});
  return true;
}

bool log_scan::keep(open_file& from, log_entry x) {
  const auto size = x.message.size() + x.fields.size() + x.logger.size()
                    + x.time.size() + x.level.size();
  if (lines_ >= limits_.lines || size > limits_.bytes - bytes_) {
    is_full_ = true;
    return false;
  }
  ++lines_;
  bytes_ += size;
  from.found.push_back(std::move(x));
  return true;
}

void log_scan::search(open_file& in, bool at_end) {
  const auto last = text_.rfind('\n');
  const auto size = at_end ? text_.size() : (last == text_.npos ? 0 : last + 1);
  search_(std::string_view{text_}.substr(0, size),
          [&](log_entry x) { return keep(in, std::move(x)); });
  text_.erase(0, size);
  if (text_.size() > line_max)
    text_.clear(); // its rest is no line, so it is not found either
}

bool log_scan::step() {
  if (is_full_ || current_ >= files_.size())
    return false;
  auto& file = files_[current_];
  const auto got
    = read_more(file.fd, text_, std::min(limits_.piece, file.left));
  file.left -= got;
  const bool at_end = got == 0 || file.left == 0;
  search(file, at_end);
  if (at_end) {
    text_.clear();
    ++current_;
  }
  return !is_full_ && current_ < files_.size();
}

std::vector<log_entry> log_scan::take() {
  std::vector<log_entry> result;
  for (auto i = files_.rbegin(); i != files_.rend(); ++i)
    std::move(i->found.begin(), i->found.end(), std::back_inserter(result));
  for (auto& x : files_)
    x.found.clear();
  return result;
}

} // namespace tunerd
