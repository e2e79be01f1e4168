#include "tests/http_server_fixture.hpp"

#include <fcntl.h>

#include <algorithm>
#include <thread>

using namespace tunerd;
using namespace tunerd::test;

TEST_CASE_METHOD(server_fixture, "the server answers and keeps the connection",
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

TEST_CASE_METHOD(server_fixture, "a reply carries its headers, one line each",
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

TEST_CASE_METHOD(server_fixture, "an answer to HEAD has a length and no body",
                 "[http_server]") {
  start();
  client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto reply = client.receive(true);
  CHECK(reply.status == 200);
  CHECK(reply.head.find("Content-Length: 8\r\n") != std::string::npos);
  CHECK(client.ask(get).body == "GET /a?b=c ");
}

TEST_CASE_METHOD(server_fixture, "an answer of status 204 has neither",
                 "[http_server]") {
  start_silent();
  client.send(get);
  server->reply(first_call(), {.status = 204, .body = "ignored"});
  const auto reply = client.receive();
  CHECK(reply.status == 204);
  CHECK(reply.head.find("Content-") == std::string::npos);
}

TEST_CASE_METHOD(server_fixture, "pipelined requests are served one at a time",
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

TEST_CASE_METHOD(server_fixture, "the connection ends where the client asks",
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

TEST_CASE_METHOD(server_fixture, "what cannot be read is refused and ended",
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

TEST_CASE_METHOD(server_fixture, "the owner words what the server refuses",
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

TEST_CASE_METHOD(server_fixture, "a body is invited only if it is welcome",
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

TEST_CASE_METHOD(server_fixture, "a slow sender is cut", "[http_server]") {
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

TEST_CASE_METHOD(server_fixture, "a client that does not read is cut",
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

TEST_CASE_METHOD(server_fixture, "an idle connection is closed",
                 "[http_server]") {
  opts.idle_timeout = 50ms;
  start();
  CHECK(client.ask(get).status == 200);
  CHECK(client.sees_close());
}

TEST_CASE_METHOD(server_fixture, "a handler that is late is answered for",
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

TEST_CASE_METHOD(server_fixture,
                 "answers come from any thread, the first counts",
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

TEST_CASE_METHOD(server_fixture, "a socket that is handed over is the taker's",
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

TEST_CASE_METHOD(server_fixture, "nobody gets the socket of a client that left",
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

TEST_CASE_METHOD(server_fixture, "the server can hang up and wait",
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
