#include "tests/bench/poll_server.hpp"

#include "tests/bench/bench.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unordered_map>

namespace tunerd::bench {

namespace {

constexpr int64_t page_size = 100;
constexpr const char* path = "/v1/predictions";

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string{"cannot "} + what);
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in result = {};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  result.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return result;
}

/// As long as what Replicate says of a training, without its logs.
std::string prediction(int64_t n) {
  const auto id = std::string{'x'}.append(std::to_string(n));
  const auto url = "https://api.replicate.com/v1/predictions/" + id;
  return R"({"id":")" + id
         + R"(","model":"simpletuner/advanced-trainer-h100","version":)"
           R"("9a1c0b7e5d3f4a2b8c6d7e9f0a1b2c3d4e5f60718293a4b5",)"
           R"("status":"processing","input":{"config_json":"{\"steps\":1000}",)"
           R"("images":"https://example.com/archive.zip"},"output":null,)"
           R"("error":null,"logs":"","created_at":"2026-01-01T00:00:00.000Z",)"
           R"("started_at":"2026-01-01T00:00:05.000Z","completed_at":null,)"
           R"("metrics":{},"source":"api","data_removed":false,"urls":{"get":")"
         + url + R"(","cancel":")" + url + R"(/cancel"}})";
}

std::string response(const std::string& body) {
  return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
         "content-length: "
         + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// The server's side, one thread.
class loop {
public:
  loop(int listener, int64_t jobs, std::chrono::milliseconds latency,
       std::string base_url)
    : listener_(listener), jobs_(jobs), latency_(latency),
      base_url_(std::move(base_url)), epoll_(::epoll_create1(0)) {
    watch(listener_);
  }

  [[noreturn]] void run() {
    for (;;) {
      std::array<epoll_event, 64> events;
      const auto count = ::epoll_wait(epoll_, events.data(), events.size(),
                                      milliseconds_to_next());
      for (int i = 0; i < count; ++i)
        serve(events.at(static_cast<size_t>(i)).data.fd);
      answer_due();
    }
  }

private:
  struct answer {
    steady::time_point due;
    int connection;
    std::string text;
  };

  void watch(int fd) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  int milliseconds_to_next() const {
    if (answers_.empty())
      return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
      answers_.front().due - steady::now());
    return static_cast<int>(std::max<int64_t>(0, left.count()));
  }

  void serve(int fd) {
    if (fd == listener_) {
      const auto made = ::accept(listener_, nullptr, nullptr);
      const int on = 1;
      ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return watch(made);
    }
    std::array<char, 4096> part;
    const auto size = ::recv(fd, part.data(), part.size(), 0);
    if (size <= 0) {
      heard_.erase(fd);
      std::erase_if(answers_,
                    [fd](const auto& x) { return x.connection == fd; });
      ::close(fd);
      return;
    }
    auto& text = heard_[fd];
    text.append(part.data(), static_cast<size_t>(size));
    for (auto end = text.find("\r\n\r\n"); end != std::string::npos;
         end = text.find("\r\n\r\n")) {
      answers_.push_back(
        {steady::now() + latency_, fd, response(body_for(text))});
      text.erase(0, end + 4);
    }
  }

  /// @param request "GET /v1/predictions..." and more.
  std::string body_for(const std::string& request) const {
    const auto begin = request.find(path) + std::string_view{path}.size();
    const auto rest = request.substr(begin, request.find(' ', begin) - begin);
    if (rest.starts_with("/x"))
      return prediction(std::atoll(rest.c_str() + 2));
    const auto cursor = rest.find("cursor=");
    const auto left = cursor == std::string::npos
                        ? jobs_
                        : std::atoll(rest.c_str() + cursor + 7);
    const auto last = std::max<int64_t>(0, left - page_size);
    std::string results;
    for (auto n = left - 1; n >= last; --n)
      results += (results.empty() ? "" : ",") + prediction(n);
    const auto next = last == 0 ? std::string{"null"}
                                : '"' + base_url_ + "/predictions?cursor="
                                    + std::to_string(last) + '"';
    return R"({"previous":null,"next":)" + next + R"(,"results":[)" + results
           + "]}";
  }

  void answer_due() {
    const auto now = steady::now();
    for (; !answers_.empty() && answers_.front().due <= now;
         answers_.pop_front()) {
      const auto& x = answers_.front();
      for (size_t sent = 0; sent < x.text.size();) {
        const auto n = ::send(x.connection, x.text.data() + sent,
                              x.text.size() - sent, MSG_NOSIGNAL);
        if (n <= 0)
          break;
        sent += static_cast<size_t>(n);
      }
    }
  }

  int listener_;
  int64_t jobs_;
  std::chrono::milliseconds latency_;
  std::string base_url_;
  int epoll_;
  std::unordered_map<int, std::string> heard_;
  /// All wait equally long, so the first is due first.
  std::deque<answer> answers_;
};

} // namespace

poll_server::poll_server(int64_t jobs, std::chrono::milliseconds latency) {
  const auto listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0
      || ::listen(listener, 1024) != 0
      || ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size)
           != 0)
    fail("listen on loopback");
  port_ = ntohs(address.sin_port);
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    loop{listener, jobs, latency, base_url()}.run();
  }
  ::close(listener);
}

poll_server::~poll_server() {
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

std::string poll_server::base_url() const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/v1";
}

double seconds_per_sequential_call(const poll_server& there, int calls) {
  const auto fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(there.port());
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address)
      != 0)
    fail("connect to loopback");
  const auto total = seconds_of([&] {
    for (int i = 0; i < calls; ++i) {
      const auto request = "GET " + std::string{path} + "/x" + std::to_string(i)
                           + " HTTP/1.1\r\nhost: x\r\n\r\n";
      if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) <= 0)
        fail("ask");
      std::array<char, 4096> part; // An answer is shorter, and comes at once.
      if (::recv(fd, part.data(), part.size(), 0) <= 0)
        fail("read");
    }
  });
  ::close(fd);
  return total / calls;
}

} // namespace tunerd::bench
