#include "actors/sse_broadcaster/sse_fanout.hpp"

#include "tests/sse_harness.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <utility>

// The real thread on socket pairs. Nothing sleeps: who waits polls a socket or
// a counter until a deadline.

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

using steady = std::chrono::steady_clock;

constexpr auto patience = 10s;

struct peer {
  explicit peer(int end) : descriptor(end) {
  }
  peer(peer&& other) noexcept
    : descriptor(std::exchange(other.descriptor, -1)),
      bytes(std::move(other.bytes)) {
  }
  ~peer() {
    if (descriptor >= 0)
      ::close(descriptor);
  }

  /// Reads once. @returns false at the end or after the deadline.
  bool read_some() {
    pollfd waiting{descriptor, POLLIN, 0};
    const auto ms = std::chrono::milliseconds{patience}.count();
    if (::poll(&waiting, 1, static_cast<int>(ms)) != 1)
      return false;
    char buffer[4'096];
    const auto n = ::recv(descriptor, buffer, sizeof(buffer), 0);
    if (n > 0)
      bytes.append(buffer, static_cast<size_t>(n));
    return n > 0;
  }

  /// @returns whether `text` came.
  bool read_until(const std::string& text) {
    while (bytes.find(text) == std::string::npos)
      if (!read_some())
        return false;
    return true;
  }

  /// @returns everything up to the end of the stream.
  std::string read_all() {
    while (read_some()) {
    }
    return bytes;
  }

  int descriptor;
  std::string bytes = {};
};

struct fanout_fixture {
  fanout_fixture() {
    settings.ring_events = 64;
    settings.max_per_client = 3;
    settings.max_connections = 4;
    fanout = std::make_unique<sse_fanout>(settings);
  }

  peer open(const std::string& client = "c") {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    open_stream request{{"corr-1"}, ends[0], caller{}, client};
    request.accepted = "HTTP/1.1 200 OK\r\n\r\n";
    request.refused = "HTTP/1.1 503 no\r\n\r\n";
    fanout->open(request);
    return peer{ends[1]};
  }

  /// Appends events of `size_bytes` each.
  void publish(int count, size_t size_bytes = 10) {
    std::vector<event_frame_ptr> frames;
    for (int i = 0; i < count; ++i) {
      event x{++head, {}, "job_status_changed", "j1"};
      x.data = "{\"text\":\"" + std::string(size_bytes, 'x') + "\"}";
      frames.push_back(encode(x));
    }
    fanout->publish(frames, head, head);
  }

  bool has_streams(size_t count) {
    const auto deadline = steady::now() + patience;
    while (fanout->streams() != count)
      if (steady::now() > deadline)
        return false;
      else
        std::this_thread::yield();
    return true;
  }

  static std::string id(int64_t x) {
    return "id: " + std::to_string(x) + '\n';
  }

  config::sse settings;
  int64_t head = 0;
  std::unique_ptr<sse_fanout> fanout;
};

} // namespace

TEST_CASE_METHOD(fanout_fixture, "a socket gets head, connection and events",
                 "[sse]") {
  auto early = open();
  fanout->begin_at(0, 0);
  CHECK(early.read_until("event: connection\n"));
  CHECK(early.bytes.find("HTTP/1.1 200 OK\r\n\r\nretry: 3000\nid: 0\n") == 0);
  auto late = open();
  CHECK(late.read_until("event: connection\n"));
  publish(40);
  CHECK(early.read_until(id(40)));
  CHECK(late.read_until(id(40)));
  fanout->beat(timestamp{1s});
  for (int i = 0; i < 20; ++i)
    fanout->beat(timestamp{1s});
}

TEST_CASE_METHOD(fanout_fixture, "a subscriber that leaves is forgotten",
                 "[sse][L6]") {
  fanout->begin_at(0, 0);
  {
    auto a = open();
    auto b = open();
    CHECK(a.read_until("connection"));
    CHECK(has_streams(2));
  }
  CHECK(has_streams(0));
}

TEST_CASE_METHOD(fanout_fixture, "over a limit there is an answer and an end",
                 "[sse][E3]") {
  fanout->begin_at(0, 0);
  std::vector<peer> streams;
  for (int i = 0; i < 3; ++i)
    streams.push_back(open("alice"));
  CHECK(open("alice").read_all() == "HTTP/1.1 503 no\r\n\r\n");
  auto bob = open("bob");
  CHECK(bob.read_until("connection"));
  CHECK(open("carol").read_all() == "HTTP/1.1 503 no\r\n\r\n");
}

TEST_CASE_METHOD(fanout_fixture, "a stalled reader is cut, the others go on",
                 "[sse][E3]") {
  fanout->begin_at(0, 0);
  auto stalled = open();
  auto good = open();
  CHECK(stalled.read_until("connection"));
  for (int i = 0; i < 60; ++i) {
    publish(2, 2'000);
    REQUIRE(good.read_until(id(head)));
    good.bytes.clear();
  }
  // Overtaken by now or, with larger buffers in the kernel, merely silent.
  for (int i = 0; i < 32; ++i) {
    fanout->beat(timestamp{std::chrono::seconds{i}});
    publish(1, 2'000);
    REQUIRE(good.read_until(id(head)));
  }
  CHECK(has_streams(1));
}

TEST_CASE_METHOD(fanout_fixture, "a demand wakes the actor and is met",
                 "[sse][E1]") {
  std::atomic<int> wakes = 0;
  fanout->attach([&wakes] { ++wakes; });
  fanout->begin_at(100, 100);
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  open_stream request{{"corr-1"}, ends[0], caller{}, "c"};
  request.last_event_id = "98";
  fanout->open(request);
  peer far{ends[1]};
  CHECK(far.read_until("connection"));
  std::optional<page_demand> demand;
  const auto deadline = steady::now() + patience;
  while (!(demand = fanout->next_demand()) && steady::now() < deadline)
    std::this_thread::yield();
  REQUIRE(demand);
  CHECK(demand->after == 98);
  CHECK(demand->ctx.correlation_id == "corr-1");
  event missed{100, {}, "job_status_changed", "j1"};
  fanout->replay({demand->stream, 98, {std::nullopt, 100}, {encode(missed)}},
                 100);
  CHECK(far.read_until(id(100)));
  CHECK(!fanout->next_demand());
  fanout->stop();
  CHECK(wakes == 1);
}

TEST_CASE_METHOD(fanout_fixture, "a stop says when to come back and ends",
                 "[sse]") {
  fanout->begin_at(0, 0);
  auto a = open();
  CHECK(a.read_until("\n\n"));
  a.bytes.clear();
  fanout->stop();
  CHECK(a.read_all().find("retry: ") != std::string::npos);
  CHECK(open().read_all().empty());
  fanout->stop();
  fanout->publish({}, 5, 5);
  fanout->beat(timestamp{1s});
}
