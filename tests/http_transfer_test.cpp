#include "actors/provider_gateway/curl_transfer.hpp"

#include "tests/http_client_fixture.hpp"

#include <poll.h>

// What a server can have seen of a call that failed.

using namespace tunerd;
using namespace tunerd::test;
using namespace std::chrono_literals;

TEST_CASE("a call that found no server was not sent",
          "[provider][http_client][Q3]") {
  curl_thread curl{settings()};
  for (const auto& url :
       {tiny_server::dead_url(), "http://" + std::string(70, 'a') + "/",
        std::string{"http://"}, std::string{"file:///etc/passwd"},
        std::string{"gopher://127.0.0.1/"}}) {
    INFO(url);
    CHECK(call(curl, post(url)).transfer == http_transfer::not_sent);
  }
}

TEST_CASE("a call whose TLS handshake fails was not sent",
          "[provider][http_client][Q3]") {
  tiny_server server{[](peer& other) {
    other.wait_for_bytes();
    other.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    other.wait_for_close();
  }};
  curl_thread curl{settings()};
  CHECK(call(curl, post(server.url("https"))).transfer
        == http_transfer::not_sent);
}

TEST_CASE("a call that timed out in the TLS handshake was not sent",
          "[provider][http_client][Q3]") {
  tiny_server server{[](peer& other) { other.wait_for_close(); }};
  curl_thread curl{settings()};
  auto request = post(server.url("https"));
  request.timeout = 50ms;
  CHECK(call(curl, request).transfer == http_transfer::not_sent);
}

TEST_CASE("a call that reached the server without an answer is lost",
          "[provider][http_client][Q3]") {
  const std::vector<std::pair<std::string, std::function<void(peer&)>>> table{
    {"closes before it reads", [](peer& x) { x.wait_for_bytes(); }},
    {"closes after it read", [](peer& x) { x.read_request(); }},
    {"talks garbage",
     [](peer& x) {
       x.read_request();
       x.write("!!! no HTTP at all\r\n\r\n");
     }},
    {"cuts its body",
     [](peer& x) {
       x.read_request();
       x.write("HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{\"id\":");
     }},
    {"cuts its headers",
     [](peer& x) {
       x.read_request();
       x.write("HTTP/1.1 201 Created\r\nContent-");
     }},
  };
  curl_thread curl{settings()};
  for (const auto& [name, script] : table) {
    INFO(name);
    tiny_server server{script};
    CHECK(call(curl, post(server.url())).transfer == http_transfer::lost);
    CHECK(server.connections() == 1);
  }
}

TEST_CASE("a call that timed out after it was written is lost",
          "[provider][http_client][Q3]") {
  tiny_server server{[](peer& other) { other.wait_for_close(); }};
  curl_thread curl{settings()};
  auto request = post(server.url());
  request.timeout = 50ms;
  CHECK(call(curl, request).transfer == http_transfer::lost);
}

TEST_CASE("a POST is never repeated, even where a connection is kept",
          "[provider][http_client][Q3]") {
  std::atomic<int> posts = 0;
  tiny_server server{[&posts](peer& other) {
    for (;;) {
      const auto request = other.read_request();
      if (request.starts_with("POST"))
        ++posts;
      if (!request.starts_with("GET"))
        return; // It may have acted on it, and dies.
      other.answer("hello");
    }
  }};
  curl_thread curl{settings()};
  for (int i = 1; i <= 3; ++i) {
    CHECK(call(curl, get(server.url())).status == 200);
    CHECK(call(curl, post(server.url())).transfer == http_transfer::lost);
    CHECK(posts == i);
  }
  curl.stop();
}

TEST_CASE("curl's counters decide what was not sent",
          "[provider][http_client][Q3]") {
  using enum http_transfer;
  CHECK(classify({.code = CURLE_OK, .request_bytes = 9}) == answered);
  for (const auto code :
       {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY,
        CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR,
        CURLE_PEER_FAILED_VERIFICATION, CURLE_OPERATION_TIMEDOUT,
        CURLE_SEND_ERROR}) {
    CHECK(classify({.code = code}) == not_sent);
    // A repeated GET may fail to connect after its first try was written.
    CHECK(classify({.code = code, .request_bytes = 1}) == lost);
    CHECK(classify({.code = code, .pretransfer_micros = 1}) == lost);
  }
  for (const auto code : {CURLE_GOT_NOTHING, CURLE_RECV_ERROR,
                          CURLE_PARTIAL_FILE, CURLE_WRITE_ERROR})
    CHECK(classify({.code = code}) == lost);
}
