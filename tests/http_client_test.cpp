#include "actors/provider_gateway/public_address.hpp"

#include "tests/http_client_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;
using namespace std::chrono_literals;

// -- answered -----------------------------------------------------------------

TEST_CASE("an answer has status, lower-case headers and body",
          "[provider][http_client]") {
  tiny_server server{[](peer& other) {
    other.read_request();
    other.answer("hello", "418 I'm a teapot");
  }};
  curl_thread curl{settings()};
  const auto response = call(curl, get(server.url()));
  CHECK(response.transfer == http_transfer::answered);
  CHECK(response.status == 418);
  CHECK(header(response.headers, "x-seen") == "yes");
  CHECK(response.body == "hello");
}

TEST_CASE("GETs share a connection", "[provider][http_client]") {
  tiny_server server{[](peer& other) {
    while (!other.read_request().empty())
      other.answer("hello");
  }};
  curl_thread curl{settings()};
  for (int i = 0; i < 5; ++i)
    CHECK(call(curl, get(server.url())).body == "hello");
  CHECK(server.connections() == 1);
  curl.stop();
}

TEST_CASE("a POST is sent whole and as it is", "[provider][http_client]") {
  std::promise<std::string> seen;
  tiny_server server{[&seen](peer& other) {
    seen.set_value(other.read_request());
    other.answer("{}", "201 Created");
  }};
  curl_thread curl{settings()};
  const std::string body(3'000'000, 'x');
  auto request = post(server.url(), body);
  request.headers = {{"content-type", "application/json"}};
  CHECK(call(curl, request).status == 201);
  const auto text = seen.get_future().get();
  CHECK(text.starts_with("POST /x HTTP/1.1\r\n"));
  CHECK(text.find("content-type: application/json\r\n") != text.npos);
  CHECK(text.find("Expect") == text.npos);
  CHECK(text.ends_with("\r\n\r\n" + body));
}

TEST_CASE("a redirect is an answer and not followed",
          "[provider][http_client]") {
  tiny_server server{[](peer& other) {
    other.read_request();
    other.write("HTTP/1.1 302 Found\r\nLocation: /y\r\n"
                "Content-Length: 0\r\n\r\n");
    other.wait_for_close();
  }};
  curl_thread curl{settings()};
  CHECK(call(curl, get(server.url())).status == 302);
  CHECK(server.connections() == 1);
  curl.stop();
}

TEST_CASE("HEAD has no body to wait for", "[provider][http_client]") {
  tiny_server server{[](peer& other) {
    CHECK(other.read_request().starts_with("HEAD /x HTTP/1.1"));
    other.write("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
    other.wait_for_close();
  }};
  curl_thread curl{settings()};
  auto request = get(server.url());
  request.method = "HEAD";
  const auto response = call(curl, request);
  CHECK(response.status == 200);
  CHECK(response.body.empty());
  curl.stop();
}

TEST_CASE("a call goes by the route that is set when it starts",
          "[provider][http_client][W6]") {
  std::promise<std::string> seen;
  tiny_server proxy{[&seen](peer& other) {
    seen.set_value(other.read_request());
    other.answer("by proxy");
  }};
  const auto route = settings();
  curl_thread curl{route};
  CHECK(call(curl, get(tiny_server::dead_url())).transfer
        == http_transfer::not_sent);
  route.outbound.set({.proxy_url = proxy.url()});
  CHECK(call(curl, get("http://provider.invalid/y")).body == "by proxy");
  CHECK(seen.get_future().get().starts_with("GET http://provider.invalid/y "));
}

// -- public addresses only ----------------------------------------------------

TEST_CASE("a call for the public does not reach this machine",
          "[provider][http_client][W4]") {
  tiny_server server{[](peer& other) {
    while (!other.read_request().empty())
      other.answer("private");
  }};
  curl_thread curl{settings()};
  // A connection that exists is no way around.
  CHECK(call(curl, get(server.url())).body == "private");
  const auto port = server.url().substr(std::string{"http://127.0.0.1"}.size());
  for (const std::string host :
       {"127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "0",
        "[::ffff:127.0.0.1]", "[::1]"})
    for (const auto* method : {"GET", "POST", "HEAD"}) {
      auto request = get("http://" + host + port);
      request.method = method;
      request.public_only = true;
      const auto response = call(curl, request);
      INFO(method << " " << host);
      CHECK(response.transfer == http_transfer::not_sent);
      CHECK(response.failure == not_public_failure);
    }
  CHECK(server.connections() == 1);
  CHECK(call(curl, get(server.url())).body == "private");
  curl.stop();
}

TEST_CASE("a call for the public takes no proxy", "[provider][http_client]") {
  auto route = settings();
  // One whose name no resolver knows: whoever took it would say so.
  route.outbound
    = config::outbound{.proxy_url = "http://" + std::string(70, 'a') + ":1"};
  curl_thread curl{route};
  auto request = get("http://127.0.0.1:9/");
  CHECK(call(curl, request).failure != not_public_failure);
  request.public_only = true;
  CHECK(call(curl, request).failure == not_public_failure);
}

// -- limits -------------------------------------------------------------------

TEST_CASE("an answer that is too large is lost", "[provider][http_client]") {
  tiny_server server{[](peer& other) {
    const auto request = other.read_request();
    other.write("HTTP/1.1 200 OK\r\n");
    if (request.starts_with("POST"))
      for (int i = 0; i < 300; ++i)
        other.write("X: " + std::string(1'000, 'x') + "\r\n");
    other.write("\r\n" + std::string(2'000, 'x'));
  }};
  auto small = settings();
  small.body_bytes_max = 1'999;
  curl_thread curl{small};
  const auto response = call(curl, get(server.url()));
  CHECK(response.transfer == http_transfer::lost);
  CHECK(response.failure == "the answer's body is too large");
  CHECK(response.body.empty());
  CHECK(call(curl, post(server.url())).failure
        == "the answer's headers are too large");
}

TEST_CASE("a request that would smuggle headers is not sent",
          "[provider][http_client]") {
  tiny_server server{[](peer& other) { other.wait_for_close(); }};
  curl_thread curl{settings()};
  auto request = get(server.url());
  request.headers = {{"authorization", "Bearer x\r\nx: y"}};
  CHECK(call(curl, request).transfer == http_transfer::not_sent);
  CHECK(call(curl, get(server.url() + "\r\n")).transfer
        == http_transfer::not_sent);
  CHECK(server.connections() == 0);
}

TEST_CASE("no more calls than allowed are under way at once",
          "[provider][http_client]") {
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  gate three;
  tiny_server server{[&](peer& other) {
    other.read_request();
    const int now = ++at_once;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);)
      ;
    if (now == 3)
      three.open();
    three.wait();
    --at_once;
    other.answer("hello");
  }};
  auto few = settings();
  few.in_flight_max = 3;
  curl_thread curl{few};
  std::vector<std::future<http_response>> answers;
  for (int i = 0; i < 12; ++i)
    answers.push_back(start(curl, post(server.url())));
  for (auto& x : answers)
    CHECK(wait(std::move(x)).status == 200);
  CHECK(most == 3);
}

TEST_CASE("what changes something waits for no question",
          "[provider][http_client][P9]") {
  gate opened;
  tiny_server server{[&](peer& other) {
    const bool asks = other.read_request().starts_with("GET");
    if (asks)
      opened.wait();
    other.answer("done");
  }};
  auto x = settings();
  x.in_flight_max = 4;
  curl_thread curl{x};
  std::vector<std::future<http_response>> questions;
  for (int i = 0; i < 9; ++i)
    questions.push_back(start(curl, get(server.url())));
  const auto written = start(curl, post(server.url())).get();
  CHECK(written.body == "done");
  CHECK(server.connections() <= 5);
  opened.open();
  for (auto& question : questions)
    CHECK(question.get().status == 200);
}

TEST_CASE("a cold start looks for the way once", "[provider][http_client]") {
  // The first call gets no further than its handshake.
  gate opened;
  tiny_server server{[&](peer&) { opened.wait(); }};
  auto url = server.url("https");
  url.replace(url.find("127.0.0.1"), 9, "localhost");
  curl_thread curl{settings()};
  std::vector<std::future<http_response>> calls;
  for (int i = 0; i < 100; ++i)
    calls.push_back(start(curl, i % 2 == 0 ? get(url) : post(url)));
  CHECK(calls[0].wait_for(200ms) == std::future_status::timeout);
  CHECK(server.connections() == 1);
  opened.open();
  curl.stop();
  for (auto& call : calls)
    CHECK(call.get().transfer == http_transfer::not_sent);
}

TEST_CASE("a full queue refuses, and what waits too long is not sent",
          "[provider][http_client][Q3]") {
  gate reached;
  gate done;
  tiny_server server{[&](peer& other) {
    other.read_request();
    reached.open();
    done.wait();
    other.answer("hello");
  }};
  std::atomic<int64_t> seconds = 0;
  auto few = settings();
  few.in_flight_max = 1;
  few.queued_max = 1;
  few.monotonic = [&seconds] { return std::chrono::seconds{seconds}; };
  curl_thread curl{few};
  auto first = start(curl, post(server.url()));
  reached.wait();
  auto second = start(curl, post(server.url()));
  CHECK(!curl.submit(post(server.url()), [](http_response) {}));
  seconds = 30; // The time-out of both; the first is curl's business now.
  CHECK(wait(std::move(second)).transfer == http_transfer::not_sent);
  done.open();
  CHECK(wait(std::move(first)).status == 200);
  CHECK(server.connections() == 1);
}

// -- stopping -----------------------------------------------------------------

TEST_CASE("a stop interrupts what is under way and answers everything",
          "[provider][http_client][L6]") {
  gate reached;
  tiny_server server{[&](peer& other) {
    other.read_request();
    reached.open();
    other.wait_for_close();
  }};
  auto few = settings();
  few.in_flight_max = 1;
  curl_thread curl{few};
  auto first = start(curl, post(server.url()));
  reached.wait();
  auto second = start(curl, post(server.url()));
  auto stopped = std::async(std::launch::async, [&curl] { curl.stop(); });
  CHECK(stopped.wait_for(1s) == std::future_status::ready);
  CHECK(wait(std::move(first)).transfer == http_transfer::lost);
  CHECK(wait(std::move(second)).transfer == http_transfer::not_sent);
  CHECK(!curl.submit(get(server.url()), [](http_response) {}));
  curl.stop();
}

TEST_CASE("a thread that has nothing to do starts and stops at once",
          "[provider][http_client]") {
  for (int i = 0; i < 50; ++i)
    curl_thread{settings()};
}
