#include "runtime/caf_output.hpp"

#include "actors/support/log.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <system_error>
#include <unistd.h>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.tasks"};
constexpr size_t line_bytes_max = 1024;

/// Logs the whole lines at the front of `text` and takes them away.
void log_lines(std::string& text) {
  for (auto end = text.find('\n');
       end != text.npos || text.size() > line_bytes_max;
       end = text.find('\n')) {
    const auto size = std::min(end, line_bytes_max);
    if (size > 0)
      log.warning("CAF says: {}",
                  without_content(std::string_view{text}.substr(0, size)));
    text.erase(0, end == size ? size + 1 : size);
  }
}

} // namespace

std::string_view without_content(std::string_view line) {
  // "*** unexpected message [id: 7, name: x]: (content)"
  return line.substr(0, line.find("]: "));
}

caf_output::caf_output() {
  if (::pipe2(text_, O_CLOEXEC | O_NONBLOCK) != 0
      || ::pipe2(stop_, O_CLOEXEC) != 0)
    throw std::system_error{errno, std::generic_category(), "pipe2"};
  path_ = "/proc/self/fd/" + std::to_string(text_[1]);
  thread_ = std::thread{[this] { run(); }};
}

caf_output::~caf_output() {
  ::close(stop_[1]);
  thread_.join();
  for (const int fd : {text_[0], text_[1], stop_[0]})
    ::close(fd);
}

void caf_output::run() const {
  std::string text;
  std::array<char, 4096> bytes;
  for (bool ends = false; !ends;) {
    std::array<pollfd, 2> ready{{{text_[0], POLLIN, 0}, {stop_[0], 0, 0}}};
    ::poll(ready.data(), ready.size(), -1);
    ends = ready[1].revents != 0;
    for (auto n = ::read(text_[0], bytes.data(), bytes.size()); n > 0;
         n = ::read(text_[0], bytes.data(), bytes.size())) {
      text.append(bytes.data(), static_cast<size_t>(n));
      log_lines(text);
    }
  }
  log_lines(text += '\n');
}

} // namespace tunerd
