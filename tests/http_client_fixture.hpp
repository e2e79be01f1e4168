#pragma once

#include "actors/provider_gateway/curl_thread.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <list>
#include <mutex>
#include <thread>

// The real curl thread against a real socket: only so is it proved what a
// server can have seen of a call that failed.

namespace tunerd::test {

using namespace std::chrono_literals;

/// One accepted connection, in the hands of a script.
class peer {
public:
  explicit peer(int fd) : fd_(fd) {
  }

  /// Reads one request with headers and body. @returns it, or what came
  /// before the other side closed.
  std::string read_request() {
    std::string text;
    for (char byte = 0; !text.ends_with("\r\n\r\n"); text += byte)
      if (::recv(fd_, &byte, 1, 0) != 1)
        return text;
    std::string body(body_size(text), '\0');
    for (size_t done = 0; done < body.size();) {
      const auto n = ::recv(fd_, body.data() + done, body.size() - done, 0);
      if (n <= 0)
        break;
      done += static_cast<size_t>(n);
    }
    return text + body;
  }

  /// Waits until something has arrived, and leaves it there.
  void wait_for_bytes() {
    char byte = 0;
    static_cast<void>(::recv(fd_, &byte, 1, MSG_PEEK));
  }

  /// Waits until the other side closes.
  void wait_for_close() {
    char bytes[512];
    while (::recv(fd_, bytes, sizeof bytes, 0) > 0) {
    }
  }

  void write(const std::string& text) {
    for (size_t done = 0; done < text.size();) {
      const auto n
        = ::send(fd_, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (n <= 0)
        return;
      done += static_cast<size_t>(n);
    }
  }

  void answer(const std::string& body, const std::string& status = "200 OK") {
    write("HTTP/1.1 " + status + "\r\nContent-Length: "
          + std::to_string(body.size()) + "\r\nX-Seen:  yes \r\n\r\n" + body);
  }

private:
  static size_t body_size(const std::string& head) {
    const auto at = head.find("Content-Length: ");
    return at == head.npos ? 0 : std::stoul(head.substr(at + 16, 10));
  }

  int fd_;
};

/// A server on a port of its own that hands each connection to the script, all
/// of them at once if need be.
class tiny_server {
public:
  explicit tiny_server(std::function<void(peer&)> script)
    : script_(std::move(script)), listener_(listen_anywhere(port_)),
      thread_([this] { accept_all(); }) {
  }

  ~tiny_server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (auto& x : sessions_)
      x.join();
    ::close(listener_);
  }

  std::string url(const std::string& scheme = "http") const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + "/x";
  }

  int connections() const {
    return connections_;
  }

  /// A port on which nobody listens.
  static std::string dead_url() {
    uint16_t port = 0;
    ::close(listen_anywhere(port));
    return "http://127.0.0.1:" + std::to_string(port) + "/";
  }

private:
  static int listen_anywhere(uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(fd, any, size) == 0);
    REQUIRE(::listen(fd, 64) == 0);
    REQUIRE(::getsockname(fd, any, &size) == 0);
    port = ntohs(address.sin_port);
    return fd;
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0)
        return;
      ++connections_;
      sessions_.emplace_back([this, fd] {
        peer other{fd};
        script_(other);
        ::close(fd);
      });
    }
  }

  std::function<void(peer&)> script_;
  uint16_t port_ = 0;
  int listener_;
  std::atomic<int> connections_ = 0;
  std::list<std::thread> sessions_;
  std::thread thread_;
};

/// Opens once; what waits at it goes on then.
class gate {
public:
  void open() {
    std::lock_guard guard{mutex_};
    open_ = true;
    changed_.notify_all();
  }

  void wait() {
    std::unique_lock guard{mutex_};
    changed_.wait_for(guard, 10s, [this] { return open_; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

inline curl_settings settings() {
  return {.monotonic = [] { return caf::timespan{0}; }};
}

inline http_request get(const std::string& url, caf::timespan timeout = 10s) {
  return {.ctx = {"corr-1"}, .url = url, .timeout = timeout};
}

inline http_request post(const std::string& url,
                         const std::string& body = "{}") {
  return {.ctx = {"corr-1"}, .method = "POST", .url = url, .body = body};
}

inline std::future<http_response> start(curl_thread& curl,
                                        http_request request) {
  auto promise = std::make_shared<std::promise<http_response>>();
  auto result = promise->get_future();
  REQUIRE(curl.submit(std::move(request), [promise](http_response response) {
    promise->set_value(std::move(response));
  }));
  return result;
}

inline http_response wait(std::future<http_response> answer) {
  REQUIRE(answer.wait_for(20s) == std::future_status::ready);
  auto result = answer.get();
  CHECK(result.ctx.correlation_id == "corr-1");
  CHECK((result.transfer == http_transfer::answered) == result.failure.empty());
  return result;
}

inline http_response call(curl_thread& curl, http_request request) {
  return wait(start(curl, std::move(request)));
}

} // namespace tunerd::test
