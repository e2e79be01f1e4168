#pragma once

#include "actors/support/http_server.hpp"
#include "tests/loopback_client.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace tunerd::test {

using namespace std::chrono_literals;

/// A server whose handler echoes, except where a test takes the calls itself.
struct server_fixture {
  server_fixture() {
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

inline constexpr auto get
  = "GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Many: 1\r\n\r\n";

} // namespace tunerd::test
