#include "tests/http_server_fixture.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <atomic>
#include <system_error>
#include <thread>

using namespace tunerd;
using namespace tunerd::test;

TEST_CASE_METHOD(server_fixture, "connections over the limit are closed",
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

TEST_CASE_METHOD(server_fixture, "without descriptors clients are turned away",
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

TEST_CASE_METHOD(server_fixture, "stopping answers what is under way",
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

TEST_CASE_METHOD(server_fixture, "stopping ends when the grace is over",
                 "[http_server]") {
  start_silent();
  client.send(get);
  const auto id = first_call();
  server->stop(20ms);
  CHECK(client.sees_close());
  server->reply(id, {.body = "nobody listens"});
}

TEST_CASE_METHOD(server_fixture,
                 "a request that arrives while stopping gets 503",
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

TEST_CASE_METHOD(server_fixture, "the server listens on IPv6",
                 "[http_server]") {
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
