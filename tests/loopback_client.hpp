#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace tunerd::test {

/// What a server sent back, unparsed but for its parts.
struct raw_reply {
  /// 0 if the connection ended before a whole reply.
  int status = 0;
  std::string head = {};
  std::string body = {};
};

/// A blocking HTTP client that can misbehave: it sends bytes, not requests.
/// Whatever it waits for ends after `patience`.
class loopback_client {
public:
  static constexpr int patience_ms = 2'000;

  /// Only makes the socket.
  explicit loopback_client(int family = AF_INET)
    : family_(family), socket_(::socket(family, SOCK_STREAM, 0)) {
  }

  loopback_client(const loopback_client&) = delete;
  loopback_client& operator=(const loopback_client&) = delete;

  ~loopback_client() {
    close();
  }

  bool connect(uint16_t port) {
    if (family_ == AF_INET6) {
      sockaddr_in6 to{};
      to.sin6_family = AF_INET6;
      to.sin6_port = htons(port);
      to.sin6_addr = in6addr_loopback;
      return connect_to(to);
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect_to(to);
  }

  /// @returns whether all of it was taken.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0)
        return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  /// Reads one reply. @param to_head Expect no body whatever its length.
  raw_reply receive(bool to_head = false) {
    size_t end = 0;
    while ((end = unread_.find("\r\n\r\n")) == std::string::npos)
      if (!more())
        return {};
    raw_reply reply{.head = unread_.substr(0, end + 2)};
    unread_.erase(0, end + 4);
    const auto length = to_head ? 0 : length_of(reply.head);
    while (unread_.size() < length)
      if (!more())
        return {};
    reply.status = std::atoi(reply.head.c_str() + sizeof("HTTP/1.1"));
    reply.body = unread_.substr(0, length);
    unread_.erase(0, length);
    return reply;
  }

  raw_reply ask(std::string_view request) {
    return send(request) ? receive() : raw_reply{};
  }

  /// @returns whether the server closes the connection, sending nothing more.
  bool sees_close() {
    return unread_.empty() && !more() && ended_;
  }

  /// @returns everything until the server closes the connection.
  std::string rest() {
    while (more()) {
    }
    return std::exchange(unread_, {});
  }

  /// @returns whether anything arrives within `wait`.
  bool hears_within(std::chrono::milliseconds wait) {
    pollfd in{socket_, POLLIN, 0};
    return ::poll(&in, 1, static_cast<int>(wait.count())) > 0;
  }

  void close() {
    if (socket_ >= 0)
      ::close(socket_);
    socket_ = -1;
  }

private:
  template <class Address>
  bool connect_to(const Address& to) {
    return ::connect(socket_, reinterpret_cast<const sockaddr*>(&to),
                     sizeof(to))
           == 0;
  }

  bool more() {
    if (!hears_within(std::chrono::milliseconds{patience_ms}))
      return false;
    char bytes[4096];
    const auto n = ::recv(socket_, bytes, sizeof(bytes), 0);
    ended_ = n <= 0;
    if (n > 0)
      unread_.append(bytes, static_cast<size_t>(n));
    return n > 0;
  }

  static size_t length_of(const std::string& head) {
    const std::string_view name = "Content-Length: ";
    const auto at = head.find(name);
    return at == std::string::npos
             ? 0
             : std::strtoul(head.c_str() + at + name.size(), nullptr, 10);
  }

  int family_;
  int socket_;
  std::string unread_;
  bool ended_ = false;
};

} // namespace tunerd::test
