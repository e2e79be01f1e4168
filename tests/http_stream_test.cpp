#include "tests/http_server_fixture.hpp"

#include <algorithm>
#include <condition_variable>

using namespace tunerd;
using namespace tunerd::test;

namespace {

/// An answer in parts, and what the server says about it.
struct stream_fixture : server_fixture {
  ~stream_fixture() {
    server.reset(); // it tells us until then
  }

  std::mutex changes_mutex;
  std::condition_variable changed;
  std::vector<stream_change> changes;

  uint64_t begin(std::string_view request = get) {
    start_silent();
    client.send(request);
    const auto id = first_call();
    server->begin(
      id,
      {.content_type = "text/event-stream", .headers = {{"X-Id", "a\r\nb"}}},
      [this](stream_change x) {
        std::scoped_lock lock{changes_mutex};
        changes.push_back(x);
        changed.notify_all();
      });
    return id;
  }

  std::ptrdiff_t count(stream_change x) const {
    return std::count(changes.begin(), changes.end(), x);
  }

  /// @returns whether `x` is said at least `times` soon; false when the client
  /// is said to have gone before.
  bool hears(stream_change x, std::ptrdiff_t times = 1) {
    std::unique_lock lock{changes_mutex};
    changed.wait_for(lock, 2s, [&] {
      return count(x) >= times || count(stream_change::gone) > 0;
    });
    return count(x) >= times;
  }
};

} // namespace

TEST_CASE_METHOD(stream_fixture, "an answer can come in parts",
                 "[http_server]") {
  const auto id = begin();
  REQUIRE(hears(stream_change::taken));
  CHECK(client.hears_within(2s));
  server->append(id, "first");
  REQUIRE(hears(stream_change::taken, 2));
  server->append(id, "");
  server->append(id, std::string(20, 'x'));
  server->end(id);
  server->append(id, "ignored");
  const auto head = client.receive(true).head;
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(head.find("Transfer-Encoding: chunked\r\n") != head.npos);
  CHECK(head.find("Content-Type: text/event-stream\r\n") != head.npos);
  CHECK(head.find("Connection: close\r\n") != head.npos);
  CHECK(head.find("X-Id: ab\r\n") != head.npos);
  CHECK(head.find("Content-Length") == head.npos);
  CHECK(client.rest()
        == "5\r\nfirst\r\n14\r\n" + std::string(20, 'x') + "\r\n0\r\n\r\n");
  client.close();
  server->stop(2s);
  CHECK(count(stream_change::gone) == 0);
}

TEST_CASE_METHOD(stream_fixture, "HTTP/1.0 gets parts until the end",
                 "[http_server]") {
  const auto id = begin("GET / HTTP/1.0\r\n\r\n");
  server->append(id, "one");
  server->append(id, "two");
  server->end(id);
  const auto head = client.receive(true).head;
  CHECK(head.starts_with("HTTP/1.0 200"));
  CHECK(head.find("Transfer-Encoding") == head.npos);
  CHECK(client.rest() == "onetwo");
}

TEST_CASE_METHOD(stream_fixture, "a stream to HEAD has no parts",
                 "[http_server]") {
  const auto id = begin("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  server->append(id, "ignored");
  CHECK(client.receive(true).head.starts_with("HTTP/1.1 200"));
  CHECK(client.rest().empty());
}

TEST_CASE_METHOD(stream_fixture, "a stream learns that its client has gone",
                 "[http_server]") {
  SECTION("while nothing is sent") {
    begin();
    REQUIRE(hears(stream_change::taken));
    client.close();
    CHECK(hears(stream_change::gone));
  }
  SECTION("because it does not read for too long") {
    opts.request_timeout = 50ms;
    const auto id = begin();
    for (int i = 0; i < 100; ++i) {
      server->append(id, std::string(500'000, 'x'));
      if (!hears(stream_change::taken, i + 1))
        break;
    }
    CHECK(hears(stream_change::gone));
  }
  SECTION("because too much would wait for it") {
    const auto id = begin();
    for (int i = 0; i < 40; ++i)
      server->append(id, std::string(900'000, 'x'));
    CHECK(hears(stream_change::gone));
  }
  SECTION("because there is nobody to answer") {
    const auto id = begin();
    server->begin(id + 1, {}, [this](stream_change x) {
      std::scoped_lock lock{changes_mutex};
      changes.push_back(x);
      changed.notify_all();
    });
    CHECK(hears(stream_change::gone));
    return;
  }
  server->stop(5s);
  CHECK(count(stream_change::gone) == 1);
}

TEST_CASE_METHOD(stream_fixture, "streams end when the server stops",
                 "[http_server]") {
  const auto id = begin();
  server->append(id, "one");
  REQUIRE(hears(stream_change::taken));
  std::thread stopper{[this] { server->stop(2s); }};
  CHECK(hears(stream_change::gone));
  client.receive(true);
  CHECK(client.rest() == "3\r\none\r\n0\r\n\r\n");
  client.close();
  stopper.join();
}

TEST_CASE_METHOD(stream_fixture, "what a client adds to a stream is read away",
                 "[http_server]") {
  const auto id = begin(std::string{get} + get);
  client.send(std::string(100'000, 'x'));
  server->append(id, "one");
  server->end(id);
  client.receive(true);
  CHECK(client.rest() == "3\r\none\r\n0\r\n\r\n");
  CHECK(call_count() == 1);
}
