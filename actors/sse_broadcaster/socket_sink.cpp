#include "actors/sse_broadcaster/socket_sink.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tunerd {

namespace {

/// What the kernel keeps for a subscriber that does not read. With its default
/// 10,000 of them would exhaust the memory of every socket.
constexpr int send_buffer_bytes = 32 * 1024;

/// After so long the kernel gives a peer up that has vanished. It counts for
/// one that is there and does not read, too: longer than such a one is given by
/// `stream_table`, which says so and counts it.
constexpr int unacknowledged_milliseconds = 45'000;

/// Not every socket knows every option (tests use other kinds): no matter.
void set_option(int descriptor, int level, int name, int value) {
  ::setsockopt(descriptor, level, name, &value, sizeof(value));
}

} // namespace

socket_sink::socket_sink(int descriptor) : descriptor_(descriptor) {
  ::fcntl(descriptor_, F_SETFL, ::fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
  ::fcntl(descriptor_, F_SETFD, FD_CLOEXEC);
  set_option(descriptor_, SOL_SOCKET, SO_SNDBUF, send_buffer_bytes);
  set_option(descriptor_, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(descriptor_, IPPROTO_TCP, TCP_USER_TIMEOUT,
             unacknowledged_milliseconds);
}

socket_sink::~socket_sink() {
  if (!abandoned_)
    ::shutdown(descriptor_, SHUT_WR);
  ::close(descriptor_);
}

void socket_sink::abandon() {
  abandoned_ = true;
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

std::optional<size_t>
socket_sink::write(std::span<const std::string_view> parts) {
  std::array<iovec, batch_frames_max + 1> vectors;
  size_t count = 0;
  for (auto part : parts.first(std::min(parts.size(), vectors.size())))
    vectors[count++] = {const_cast<char*>(part.data()), part.size()};
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  for (;;) {
    const auto n = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (n >= 0)
      return static_cast<size_t>(n);
    if (errno == EAGAIN || errno == EWOULDBLOCK)
      return 0;
    if (errno != EINTR)
      return std::nullopt;
  }
}

} // namespace tunerd
