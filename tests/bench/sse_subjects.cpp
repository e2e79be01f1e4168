#include "tests/bench/sse_subjects.hpp"

#include "tests/bench/sse_clients.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

// What tunerd is compared with.

namespace tunerd::bench {

namespace {

using namespace std::chrono_literals;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error("cannot " + what);
}

int connected(uint16_t port) {
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0)
    return fd;
  ::close(fd);
  return -1;
}

/// @returns a port of loopback that is free now.
uint16_t free_port() {
  const auto fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&at), size) != 0
      || ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    fail("find a port");
  ::close(fd);
  return ntohs(at.sin_port);
}

// -- a loop -------------------------------------------------------------------

class raw_streams : public sse_subject {
public:
  raw_streams()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      acceptor_([this](int fd, const std::string&) { add(fd); }) {
  }

  ~raw_streams() override {
    acceptor_.stop();
    for (const auto& x : streams_)
      ::close(x.fd);
    ::close(epoll_);
  }

  uint16_t port() const override {
    return acceptor_.port();
  }

  std::string live_path() const override {
    return "/";
  }

  void publish(int count) override {
    std::lock_guard guard{mutex_};
    frames_.clear();
    for (int i = 0; i < count; ++i)
      frames_.push_back(frame());
    auto left = streams_.size();
    for (auto& x : streams_) {
      x.next = x.offset = 0;
      left -= write(x) ? 1 : 0;
    }
    std::array<epoll_event, 256> events;
    while (left > 0) {
      const auto n = ::epoll_wait(epoll_, events.data(),
                                  static_cast<int>(events.size()), 1'000);
      for (int i = 0; i < n; ++i) {
        auto& x = streams_.at(events.at(static_cast<size_t>(i)).data.u64);
        if (x.next < frames_.size())
          left -= write(x) ? 1 : 0;
      }
    }
  }

  int64_t resident_bytes() const override {
    return resident_bytes_of();
  }

private:
  struct stream {
    int fd;
    size_t next = 0;
    size_t offset = 0;
  };

  static std::string frame() {
    auto text = "id: 1\ndata: {\"note\":\"" + marked_now();
    text.resize(sse_event_bytes - 4, 'x');
    return text + "\"}\n\n";
  }

  void add(int fd) {
    constexpr std::string_view head
      = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    if (::send(fd, head.data(), head.size(), MSG_NOSIGNAL) <= 0)
      fail("greet");
    std::lock_guard guard{mutex_};
    epoll_event event = {};
    event.events = EPOLLOUT | EPOLLET;
    event.data.u64 = streams_.size();
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    streams_.push_back({fd});
  }

  /// @returns whether everything is written.
  bool write(stream& x) {
    while (x.next < frames_.size()) {
      std::array<iovec, 16> parts;
      size_t count = 0;
      for (auto i = x.next; i < frames_.size() && count < parts.size(); ++i) {
        const auto skip = i == x.next ? x.offset : 0;
        parts[count++] = {frames_[i].data() + skip, frames_[i].size() - skip};
      }
      msghdr message = {};
      message.msg_iov = parts.data();
      message.msg_iovlen = count;
      const auto n = ::sendmsg(x.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0)
        return errno != EAGAIN; // who has gone needs nothing
      for (x.offset += static_cast<size_t>(n);
           x.next < frames_.size() && x.offset >= frames_[x.next].size();
           ++x.next)
        x.offset -= frames_[x.next].size();
    }
    return true;
  }

  int epoll_;
  std::mutex mutex_;
  std::vector<stream> streams_;
  std::vector<std::string> frames_;
  sse_acceptor acceptor_;
};

// -- nginx with nchan ---------------------------------------------------------

constexpr const char* configuration = R"(
load_module MODULE;
daemon off;
worker_processes 1;
worker_rlimit_nofile 65536;
pid DIRECTORY/nginx.pid;
error_log DIRECTORY/error.log error;
events { worker_connections 65536; use epoll; multi_accept on; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path DIRECTORY/body;
  proxy_temp_path DIRECTORY/proxy;
  fastcgi_temp_path DIRECTORY/fastcgi;
  uwsgi_temp_path DIRECTORY/uwsgi;
  scgi_temp_path DIRECTORY/scgi;
  nchan_shared_memory_size 2048M;
  nchan_message_buffer_length 2000000;
  nchan_message_timeout 1h;
  server {
    listen 127.0.0.1:PORT backlog=4096;
    location = /publish { nchan_publisher; nchan_channel_id c; }
    location = /live {
      nchan_subscriber eventsource;
      nchan_subscriber_first_message newest;
      nchan_channel_id c;
    }
    location = /all {
      nchan_subscriber eventsource;
      nchan_subscriber_first_message oldest;
      nchan_channel_id c;
    }
  }
}
)";

std::string replaced(std::string text, const std::string& what,
                     const std::string& by) {
  for (auto i = text.find(what); i != text.npos; i = text.find(what))
    text.replace(i, what.size(), by);
  return text;
}

class nchan_streams : public sse_subject {
public:
  nchan_streams(const std::string& directory, const std::string& nginx,
                const std::string& module)
    : port_(free_port()) {
    const auto file = directory + "/nginx.conf";
    auto text = replaced(configuration, "MODULE", module);
    text = replaced(text, "DIRECTORY", directory);
    std::ofstream{file} << replaced(text, "PORT", std::to_string(port_));
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);
      ::execl(nginx.c_str(), "nginx", "-c", file.c_str(), "-e",
              (directory + "/error.log").c_str(), nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 100 && publisher_ < 0; ++i) {
      std::this_thread::sleep_for(50ms);
      publisher_ = connected(port_);
    }
    if (publisher_ < 0)
      fail("start nginx with nchan");
  }

  ~nchan_streams() override {
    ::close(publisher_);
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
  }

  uint16_t port() const override {
    return port_;
  }

  std::string live_path() const override {
    return "/live";
  }

  std::string replay_path() const override {
    return "/all";
  }

  void publish(int count) override {
    for (int i = 0; i < count; ++i) {
      send(marked_now());
      receive(1);
    }
  }

  void remember(int64_t count) override {
    constexpr int64_t lot = 64;
    for (; count > 0; count -= lot) {
      const auto size = std::min(count, lot);
      for (int64_t i = 0; i < size; ++i)
        send(marked_now());
      receive(size);
    }
  }

  int64_t resident_bytes() const override {
    std::ifstream in{"/proc/" + std::to_string(process_) + "/task/"
                     + std::to_string(process_) + "/children"};
    int worker = 0;
    in >> worker;
    return resident_bytes_of(worker);
  }

private:
  void send(const std::string& mark) {
    // It adds an id of some 20 bytes and the names of both fields.
    auto body = "{\"note\":\"" + mark;
    body.resize(sse_event_bytes - 32, 'x');
    body += "\"}";
    const auto text = "POST /publish HTTP/1.1\r\nHost: localhost\r\n"
                      "Content-Type: text/plain\r\nContent-Length: "
                      + std::to_string(body.size()) + "\r\n\r\n" + body;
    if (::send(publisher_, text.data(), text.size(), MSG_NOSIGNAL) < 0)
      fail("publish");
  }

  /// Reads `count` answers.
  void receive(int64_t count) {
    std::array<char, 16 * 1024> part;
    while (count > 0) {
      const auto n = ::recv(publisher_, part.data(), part.size(), 0);
      if (n <= 0)
        fail("read what nginx says");
      heard_.append(part.data(), static_cast<size_t>(n));
      for (auto i = heard_.find("HTTP/1.1 "); i != heard_.npos;
           i = heard_.find("HTTP/1.1 ")) {
        heard_.erase(0, i + 9);
        --count;
      }
      if (heard_.size() > 8) // the start of a next one may be cut apart
        heard_.erase(0, heard_.size() - 8);
    }
  }

  uint16_t port_;
  pid_t process_ = -1;
  int publisher_ = -1;
  std::string heard_;
};

} // namespace

int64_t resident_bytes_of(int pid) {
  std::ifstream in{pid == 0 ? std::string{"/proc/self/statm"}
                            : "/proc/" + std::to_string(pid) + "/statm"};
  int64_t size = 0, resident = 0;
  in >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

std::unique_ptr<sse_subject> make_raw_streams() {
  return std::make_unique<raw_streams>();
}

std::unique_ptr<sse_subject> make_nchan_streams(const std::string& directory,
                                                const std::string& nginx,
                                                const std::string& module) {
  return std::make_unique<nchan_streams>(directory, nginx, module);
}

// -- who accepts --------------------------------------------------------------

sse_acceptor::sse_acceptor(taker take) : take_(std::move(take)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) != 0
      || ::listen(listener_, 4096) != 0
      || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    fail("listen on loopback");
  port_ = ntohs(at.sin_port);
  thread_ = std::thread{[this] { run(); }};
}

sse_acceptor::~sse_acceptor() {
  stop();
}

void sse_acceptor::stop() {
  if (!thread_.joinable())
    return;
  ::shutdown(listener_, SHUT_RDWR); // wakes accept
  thread_.join();
  ::close(listener_);
}

void sse_acceptor::run() {
  for (;;) {
    const auto fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0)
      return;
    std::array<char, 2048> part; // a request is shorter, and comes at once
    const auto n = ::recv(fd, part.data(), part.size(), 0);
    if (n <= 0) {
      ::close(fd);
      continue;
    }
    const std::string text{part.data(), static_cast<size_t>(n)};
    const auto begin = text.find(' ') + 1;
    take_(fd, text.substr(begin, text.find(' ', begin) - begin));
  }
}

} // namespace tunerd::bench
