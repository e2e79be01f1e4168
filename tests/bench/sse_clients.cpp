#include "tests/bench/sse_clients.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace tunerd::bench {

namespace {

using namespace std::chrono_literals;

constexpr size_t mark_bytes = 20;

/// Of a tenth of a millisecond each; the last one counts what took longer.
constexpr size_t buckets = 100'000;

enum : uint32_t { nothing, connect_reading, connect_stalled, forget };

int64_t now_ns() {
  return std::chrono::nanoseconds(steady::now().time_since_epoch()).count();
}

template <class Done>
void wait_for(Done done, std::chrono::seconds patience, const char* what) {
  const auto until = steady::now() + patience;
  while (!done()) {
    if (steady::now() > until)
      throw std::runtime_error(std::string{"waited in vain for "} + what);
    std::this_thread::sleep_for(1ms);
  }
}

} // namespace

std::string marked_now() {
  std::array<char, mark_bytes + 1> text{};
  std::snprintf(text.data(), text.size(), "%c%019lld", time_mark,
                static_cast<long long>(now_ns()));
  return text.data();
}

/// What both processes see.
struct sse_clients::board {
  std::atomic<uint32_t> command = nothing;
  uint16_t port = 0;
  int count = 0;
  std::array<char, 256> path{};
  std::atomic<bool> failed = false;
  std::atomic<uint64_t> connected = 0;
  std::atomic<uint64_t> events = 0;
  std::array<std::atomic<uint32_t>, buckets> late{};
};

namespace {

/// The subscribers' side, one thread.
template <class Board>
class loop {
public:
  explicit loop(Board& board) : board_(board), epoll_(::epoll_create1(0)) {
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 512> ready;
    for (;;) {
      const auto count
        = ::epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), 2);
      for (int i = 0; i < count; ++i)
        read(ready.at(static_cast<size_t>(i)));
      obey();
    }
  }

private:
  void obey() {
    const auto what = board_.command.load();
    if (what == nothing)
      return;
    if (what == forget) {
      board_.events = 0;
      for (auto& x : board_.late)
        x.store(0, std::memory_order_relaxed);
    } else {
      for (int i = 0; i < board_.count; ++i)
        connect(what == connect_reading);
    }
    board_.command = nothing;
  }

  void connect(bool reading) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(board_.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto fd = ::socket(AF_INET, SOCK_STREAM, 0);
    const auto request = std::string{"GET "} + board_.path.data()
                         + " HTTP/1.1\r\nHost: localhost\r\n"
                           "Accept: text/event-stream\r\n\r\n";
    if (fd < 0
        || ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0
        || ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) <= 0) {
      board_.failed = true;
      return;
    }
    if (!reading) {
      ++board_.connected;
      return;
    }
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u64 = static_cast<uint64_t>(fd) | fresh;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void read(epoll_event& event) {
    const auto fd = static_cast<int>(event.data.u64 & ~fresh);
    const auto size = ::recv(fd, part_.data(), part_.size(), MSG_DONTWAIT);
    if (size <= 0) {
      if (size == 0 || errno != EAGAIN)
        ::close(fd);
      return;
    }
    if ((event.data.u64 & fresh) != 0) {
      ++board_.connected;
      event.events = EPOLLIN;
      event.data.u64 = static_cast<uint64_t>(fd);
      ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
    }
    count(part_.data(), static_cast<size_t>(size));
  }

  void count(const char* text, size_t size) {
    const auto* const end = text + size;
    const auto now = now_ns();
    uint64_t found = 0;
    while ((text = static_cast<const char*>(
              std::memchr(text, time_mark, static_cast<size_t>(end - text))))
           != nullptr) {
      ++found;
      // One that was cut apart is counted and not timed.
      if (static_cast<size_t>(end - text) >= mark_bytes)
        note(now - std::atoll(text + 1));
      ++text;
    }
    board_.events.fetch_add(found, std::memory_order_relaxed);
  }

  void note(int64_t nanoseconds) {
    const auto i
      = static_cast<size_t>(std::max<int64_t>(0, nanoseconds)) / 100'000;
    board_.late[std::min(i, buckets - 1)].fetch_add(1,
                                                    std::memory_order_relaxed);
  }

  /// Has got nothing yet.
  static constexpr uint64_t fresh = uint64_t{1} << 40;

  Board& board_;
  int epoll_;
  std::array<char, 64 * 1024> part_;
};

} // namespace

sse_clients::sse_clients() {
  auto* shared = ::mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    throw std::runtime_error("cannot share memory");
  board_ = new (shared) board;
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    loop<board>{*board_}.run();
  }
}

sse_clients::~sse_clients() {
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  ::munmap(board_, sizeof(board));
}

void sse_clients::command(uint32_t what) {
  board_->command = what;
  wait_for([this] { return board_->command == nothing; }, 60s, "subscribers");
  if (board_->failed)
    throw std::runtime_error("a subscriber cannot connect");
}

void sse_clients::connect(uint16_t port, const std::string& path, int count,
                          bool read) {
  const auto want = board_->connected + static_cast<uint64_t>(count);
  board_->port = port;
  std::snprintf(board_->path.data(), board_->path.size(), "%s", path.c_str());
  while (count > 0) { // in lots that fit a server's queue
    board_->count = std::min(count, 100);
    count -= board_->count;
    command(read ? connect_reading : connect_stalled);
  }
  wait_for([&] { return board_->connected >= want; }, 60s, "answers");
}

void sse_clients::reset() {
  command(forget);
}

uint64_t sse_clients::events() const {
  return board_->events;
}

void sse_clients::await(uint64_t count) const {
  for (auto before = events(); before < count; before = events())
    wait_for([&] { return events() != before; }, 30s, "events");
}

json sse_clients::latency_ms() const {
  uint64_t total = 0;
  for (const auto& x : board_->late)
    total += x;
  if (total == 0)
    return nullptr;
  const auto at = [&](double share) {
    auto left = static_cast<uint64_t>(share * static_cast<double>(total - 1));
    size_t i = 0;
    for (; i + 1 < buckets && board_->late[i] <= left; ++i)
      left -= board_->late[i];
    return static_cast<double>(i) / 10;
  };
  return {{"p50", at(0.5)}, {"p99", at(0.99)}, {"max", at(1)}};
}

} // namespace tunerd::bench
