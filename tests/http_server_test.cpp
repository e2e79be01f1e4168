#include "actors/support/http_server.hpp"
#include "tests/loopback_client.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

using namespace tunerd;
using namespace std::chrono_literals;
using test::loopback_client;
using test::raw_reply;

namespace {

/// A server whose handler echoes, except where a test takes the calls itself.
struct http_fixture {
  http_fixture() {
    opts.request_timeout = 2s;
    opts.header_limit_bytes = 1024;
    opts.body_limit_bytes = 100'000;
  }

  void start() {
    server.emplace(opts, [this](http_call call) {
      const auto id = call.id;
      const http_reply echo{.body = call.method + " " + call.target + " "
                                    + call.body};
      std::scoped_lock lock{mutex};
      calls.push_back(std::move(call));
      if (echoing)
        server->reply(id, echo);
      else
        called.release_one(id);
    });
    server->start();
    client.connect(server->port());
  }

  /// Starts a server whose calls the test answers itself.
  void start_silent() {
    echoing = false;
    start();
  }

  /// Hands ids of calls from the server's thread to the test.
  struct mailbox {
    std::promise<uint64_t> first;
    std::future<uint64_t> future = first.get_future();
    bool used = false;
    void release_one(uint64_t id) {
      if (!std::exchange(used, true))
        first.set_value(id);
    }
  };

  uint64_t first_call() {
    REQUIRE(called.future.wait_for(2s) == std::future_status::ready);
    return called.future.get();
  }

  size_t call_count() {
    std::scoped_lock lock{mutex};
    return calls.size();
  }

  http_server::options opts;
  bool echoing = true;
  std::mutex mutex;
  std::vector<http_call> calls;
  mailbox called;
  loopback_client client;
  std::optional<http_server> server;
};

constexpr auto get = "GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Many: 1\r\n\r\n";

} // namespace

TEST_CASE_METHOD(http_fixture, "the server answers and keeps the connection",
                 "[http_server]") {
  start();
  for (int round = 0; round < 3; ++round) {
    const auto reply = client.ask(get);
    CHECK(reply.status == 200);
    CHECK(reply.body == "GET /a?b=c ");
    CHECK(reply.head.find("Content-Type: application/json\r\n")
          != std::string::npos);
  }
  const auto reply = client.ask("POST /p HTTP/1.1\r\nHost: x\r\n"
                                "Content-Length: 4\r\n\r\nbody");
  CHECK(reply.body == "POST /p body");
  std::scoped_lock lock{mutex};
  REQUIRE(calls.size() == 4);
  CHECK(header(calls[0].headers, "x-many") == "1");
  CHECK(calls[0].peer == "127.0.0.1");
}

TEST_CASE_METHOD(http_fixture, "a reply carries its headers, one line each",
                 "[http_server]") {
  start_silent();
  client.send(get);
  server->reply(first_call(),
                {.status = 429,
                 .headers = {{"Retry-After", "7"}, {"X-Evil", "a\r\nB: c"}}});
  const auto reply = client.receive();
  CHECK(reply.status == 429);
  CHECK(reply.head.find("\r\nRetry-After: 7\r\n") != std::string::npos);
  CHECK(reply.head.find("\r\nX-Evil: aB: c\r\n") != std::string::npos);
}

TEST_CASE_METHOD(http_fixture, "an answer to HEAD has a length and no body",
                 "[http_server]") {
  start();
  client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto reply = client.receive(true);
  CHECK(reply.status == 200);
  CHECK(reply.head.find("Content-Length: 8\r\n") != std::string::npos);
  CHECK(client.ask(get).body == "GET /a?b=c ");
}

TEST_CASE_METHOD(http_fixture, "an answer of status 204 has neither",
                 "[http_server]") {
  start_silent();
  client.send(get);
  server->reply(first_call(), {.status = 204, .body = "ignored"});
  const auto reply = client.receive();
  CHECK(reply.status == 204);
  CHECK(reply.head.find("Content-") == std::string::npos);
}

TEST_CASE_METHOD(http_fixture, "pipelined requests are served one at a time",
                 "[http_server]") {
  start_silent();
  client.send(std::string{get} + "GET /second HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto id = first_call();
  CHECK_FALSE(client.hears_within(20ms));
  CHECK(call_count() == 1);
  {
    std::scoped_lock lock{mutex};
    echoing = true;
  }
  server->reply(id, {.body = "first"});
  CHECK(client.receive().body == "first");
  CHECK(client.receive().body == "GET /second ");
}

TEST_CASE_METHOD(http_fixture, "the connection ends where the client asks",
                 "[http_server]") {
  start();
  SECTION("HTTP/1.1 with Connection: close") {
    CHECK(client.ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .status
          == 200);
  }
  SECTION("HTTP/1.0") {
    CHECK(client.ask("GET / HTTP/1.0\r\n\r\n").status == 200);
  }
  CHECK(client.sees_close());
}

TEST_CASE_METHOD(http_fixture, "what cannot be read is refused and ended",
                 "[http_server]") {
  start();
  SECTION("a malformed request") {
    CHECK(client.ask("what is this\r\n\r\n").status == 400);
  }
  SECTION("two contradicting lengths") {
    CHECK(client
            .ask("POST / HTTP/1.1\r\nContent-Length: 3\r\n"
                 "Content-Length: 5\r\n\r\nabcde")
            .status
          == 400);
  }
  SECTION("a header over the limit") {
    CHECK(
      client.ask("GET / HTTP/1.1\r\nX: " + std::string(2'000, 'x') + "\r\n\r\n")
        .status
      == 431);
  }
  SECTION("a header over the limit that never ends") {
    CHECK(client.ask("GET / HTTP/1.1\r\nX: " + std::string(5'000, 'x')).status
          == 431);
  }
  SECTION("a body over the limit, sent before the answer is read") {
    const auto body = std::string(5'000'000, 'x');
    CHECK(
      client.ask("POST / HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n" + body)
        .status
      == 413);
  }
  SECTION("a chunked body over the limit") {
    CHECK(client
            .ask("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "30D40\r\n"
                 + std::string(200'000, 'x') + "\r\n0\r\n\r\n")
            .status
          == 413);
  }
  CHECK(client.sees_close());
  CHECK(call_count() == 0);
}

TEST_CASE_METHOD(http_fixture, "the owner words what the server refuses",
                 "[http_server]") {
  opts.refuse = [](int status, const std::string& text,
                   const http_headers& headers) -> http_reply {
    return {.status = status,
            .body = text,
            .headers = {{"X-Correlation-ID", header(headers, "x-id")}}};
  };
  start();
  const auto reply = client.ask("POST / HTTP/1.1\r\nX-Id: abc\r\n"
                                "Content-Length: 900000\r\n\r\n");
  CHECK(reply.status == 413);
  CHECK(reply.body == "request body too large");
  CHECK(reply.head.find("X-Correlation-ID: abc\r\n") != std::string::npos);
}

TEST_CASE_METHOD(http_fixture, "a body is invited only if it is welcome",
                 "[http_server]") {
  start();
  const std::string expecting
    = "POST /p HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: ";
  SECTION("welcome") {
    CHECK(client.ask(expecting + "4\r\n\r\n").status == 100);
    CHECK(client.ask("body").body == "POST /p body");
  }
  SECTION("too large") {
    CHECK(client.ask(expecting + "400000\r\n\r\n").status == 413);
  }
}

TEST_CASE_METHOD(http_fixture, "a slow sender is cut", "[http_server]") {
  opts.request_timeout = 100ms;
  start();
  SECTION("that sends a byte now and then") {
    const auto begin = std::chrono::steady_clock::now();
    client.send("GET / HTTP/1.1\r\nX: ");
    while (!client.hears_within(20ms) && client.send("x"))
      ;
    CHECK(std::chrono::steady_clock::now() - begin < 1s);
  }
  SECTION("that stops in the middle of the body") {
    client.send("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbo");
  }
  SECTION("that sends nothing at all") {
  }
  SECTION("whose second request is the slow one") {
    CHECK(client.ask(get).status == 200);
    client.send("GET / HT");
    CHECK(client.sees_close());
    return;
  }
  CHECK(client.sees_close());
  CHECK(call_count() == 0);
}

TEST_CASE_METHOD(http_fixture, "a client that does not read is cut",
                 "[http_server]") {
  opts.request_timeout = 50ms;
  start_silent();
  client.send(get);
  server->reply(first_call(), {.body = std::string(30'000'000, 'x')});
  const auto begin = std::chrono::steady_clock::now();
  server->stop(5s); // Returns as soon as the connection has gone.
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
  CHECK(client.receive().status == 0);
}

TEST_CASE_METHOD(http_fixture, "an idle connection is closed",
                 "[http_server]") {
  opts.idle_timeout = 50ms;
  start();
  CHECK(client.ask(get).status == 200);
  CHECK(client.sees_close());
}

TEST_CASE_METHOD(http_fixture, "a handler that is late is answered for",
                 "[http_server]") {
  opts.reply_timeout = 30ms;
  start_silent();
  client.send(get);
  const auto id = first_call();
  CHECK(client.receive().status == 504);
  server->reply(id, {.body = "too late"});
  {
    std::scoped_lock lock{mutex};
    echoing = true;
  }
  CHECK(client.ask(get).body == "GET /a?b=c ");
}

TEST_CASE_METHOD(http_fixture, "answers come from any thread, the first counts",
                 "[http_server]") {
  start_silent();
  client.send(get);
  const auto id = first_call();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { server->reply(id, {.body = "same"}); });
  for (auto& thread : threads)
    thread.join();
  CHECK(client.receive().body == "same");
  CHECK_FALSE(client.hears_within(20ms));
}

TEST_CASE_METHOD(http_fixture, "a socket that is handed over is the taker's",
                 "[http_server]") {
  start_silent();
  client.send(get);
  std::promise<int> taken;
  server->hand_over(first_call(), [&](int fd) { taken.set_value(fd); });
  auto future = taken.get_future();
  REQUIRE(future.wait_for(2s) == std::future_status::ready);
  const auto fd = future.get();
  CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  server->stop();
  CHECK(::write(fd, "HTTP/1.1 200 OK\r\n\r\n", 19) == 19);
  CHECK(client.receive().status == 200);
  ::close(fd);
  CHECK(client.sees_close());
}

TEST_CASE_METHOD(http_fixture, "nobody gets the socket of a client that left",
                 "[http_server]") {
  start_silent();
  client.send(get);
  const auto id = first_call();
  client.close();
  std::atomic<bool> taken{false};
  server->hand_over(id, [&](int fd) {
    taken = true;
    ::close(fd);
  });
  server->stop();
  CHECK_FALSE(taken);
}

TEST_CASE_METHOD(http_fixture, "the server can hang up and wait",
                 "[http_server]") {
  start_silent();
  client.send(get);
  const auto id = first_call();
  SECTION("cut") {
    server->cut(id);
    CHECK(client.sees_close());
  }
  SECTION("a delayed answer") {
    server->after(30ms, [this, id] { server->reply(id, {.body = "late"}); });
    CHECK_FALSE(client.hears_within(10ms));
    CHECK(client.receive().body == "late");
  }
}

// -- answers of unknown length ------------------------------------------------

namespace {

/// An answer in parts, and what the server says about it.
struct stream_fixture : http_fixture {
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

TEST_CASE_METHOD(http_fixture, "connections over the limit are closed",
                 "[http_server]") {
  opts.connections_max = 1;
  start();
  CHECK(client.ask(get).status == 200);
  loopback_client second;
  second.connect(server->port());
  CHECK(second.sees_close());
  client.close();
  for (int tries = 0; tries < 100; ++tries) {
    loopback_client third;
    third.connect(server->port());
    if (third.ask(get).status == 200)
      return;
  }
  FAIL("the place of a closed connection was not given to another");
}

TEST_CASE_METHOD(http_fixture, "without descriptors clients are turned away",
                 "[http_server]") {
  start();
  CHECK(client.ask(get).status == 200);
  loopback_client turned_away;
  loopback_client served;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  auto tight = before;
  tight.rlim_cur = 256;
  ::setrlimit(RLIMIT_NOFILE, &tight);
  std::vector<int> fillers;
  for (int fd = 0; (fd = ::open("/dev/null", O_RDONLY)) >= 0;)
    fillers.push_back(fd);
  turned_away.connect(server->port());
  const auto closed = turned_away.sees_close();
  for (const auto fd : fillers)
    ::close(fd);
  ::setrlimit(RLIMIT_NOFILE, &before);
  CHECK(closed);
  CHECK(client.ask(get).status == 200);
  served.connect(server->port());
  CHECK(served.ask(get).status == 200);
}

TEST_CASE_METHOD(http_fixture, "stopping answers what is under way",
                 "[http_server]") {
  start_silent();
  loopback_client idle;
  idle.connect(server->port());
  client.send(std::string{get} + get);
  const auto id = first_call();
  std::thread stopper{[this] { server->stop(2s); }};
  CHECK(idle.sees_close());
  server->reply(id, {.body = "still"});
  const auto reply = client.receive();
  CHECK(reply.body == "still");
  CHECK(reply.head.find("Connection: close\r\n") != std::string::npos);
  CHECK(client.sees_close());
  client.close();
  stopper.join();
  CHECK(call_count() == 1);
  server->stop();
  loopback_client late;
  CHECK_FALSE(late.connect(server->port()));
}

TEST_CASE_METHOD(http_fixture, "stopping ends when the grace is over",
                 "[http_server]") {
  start_silent();
  client.send(get);
  const auto id = first_call();
  server->stop(20ms);
  CHECK(client.sees_close());
  server->reply(id, {.body = "nobody listens"});
}

TEST_CASE_METHOD(http_fixture, "a request that arrives while stopping gets 503",
                 "[http_server]") {
  start();
  client.send("GET / HTTP/1.1\r\n");
  loopback_client idle;
  idle.connect(server->port());
  CHECK(idle.ask(get).status == 200);
  std::thread stopper{[this] { server->stop(2s); }};
  CHECK(idle.sees_close());
  CHECK(client.ask("\r\n").status == 503);
  client.close();
  stopper.join();
}

TEST_CASE("a server that was never started stops", "[http_server]") {
  http_server server{{}, [](http_call) {}};
  server.stop();
  CHECK_THROWS_AS(server.start(), std::logic_error);
}

TEST_CASE("an address in use is named", "[http_server]") {
  http_server first{{}, [](http_call) {}};
  const auto address = "127.0.0.1:" + std::to_string(first.port());
  CHECK_THROWS_WITH((http_server{{.port = first.port()}, [](http_call) {}}),
                    Catch::Contains("cannot listen on " + address));
  CHECK_THROWS_AS((http_server{{.host = "not an address"}, [](http_call) {}}),
                  std::system_error);
}

TEST_CASE_METHOD(http_fixture, "the server listens on IPv6", "[http_server]") {
  loopback_client v6{AF_INET6};
  opts.host = "[::1]";
  try {
    start();
  } catch (const std::system_error&) {
    return; // A machine without IPv6.
  }
  REQUIRE(v6.connect(server->port()));
  CHECK(v6.ask(get).status == 200);
  std::scoped_lock lock{mutex};
  CHECK(calls.at(0).peer == "::1");
}
