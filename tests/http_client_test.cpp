#include "actors/provider_gateway/curl_transfer.hpp"
#include "actors/provider_gateway/http_client.hpp"
#include "actors/provider_gateway/provider_gateway.hpp"
#include "actors/replicate_simulator/replicate_simulator.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <list>
#include <mutex>
#include <thread>

// The real thread against a real socket: only so is it proved what a server
// can have seen of a call that failed.

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

/// One accepted connection, in the hands of a script.
class peer {
public:
  explicit peer(int fd) : fd_(fd) {
  }

  /// Reads one request with headers and body. @returns it, or what came
  /// before the other side closed.
  std::string read_request() {
    std::string text;
    for (char byte = 0; !text.ends_with("\r\n\r\n"); text += byte)
      if (::recv(fd_, &byte, 1, 0) != 1)
        return text;
    std::string body(body_size(text), '\0');
    for (size_t done = 0; done < body.size();) {
      const auto n = ::recv(fd_, body.data() + done, body.size() - done, 0);
      if (n <= 0)
        break;
      done += static_cast<size_t>(n);
    }
    return text + body;
  }

  /// Waits until something has arrived, and leaves it there.
  void wait_for_bytes() {
    char byte = 0;
    static_cast<void>(::recv(fd_, &byte, 1, MSG_PEEK));
  }

  /// Waits until the other side closes.
  void wait_for_close() {
    char bytes[512];
    while (::recv(fd_, bytes, sizeof bytes, 0) > 0) {
    }
  }

  void write(const std::string& text) {
    for (size_t done = 0; done < text.size();) {
      const auto n
        = ::send(fd_, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (n <= 0)
        return;
      done += static_cast<size_t>(n);
    }
  }

  void answer(const std::string& body, const std::string& status = "200 OK") {
    write("HTTP/1.1 " + status + "\r\nContent-Length: "
          + std::to_string(body.size()) + "\r\nX-Seen:  yes \r\n\r\n" + body);
  }

private:
  static size_t body_size(const std::string& head) {
    const auto at = head.find("Content-Length: ");
    return at == head.npos ? 0 : std::stoul(head.substr(at + 16, 10));
  }

  int fd_;
};

/// A server on a port of its own that hands each connection to the script, all
/// of them at once if need be.
class tiny_server {
public:
  explicit tiny_server(std::function<void(peer&)> script)
    : script_(std::move(script)), listener_(listen_anywhere(port_)),
      thread_([this] { accept_all(); }) {
  }

  ~tiny_server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (auto& x : sessions_)
      x.join();
    ::close(listener_);
  }

  std::string url(const std::string& scheme = "http") const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + "/x";
  }

  int connections() const {
    return connections_;
  }

  /// A port on which nobody listens.
  static std::string dead_url() {
    uint16_t port = 0;
    ::close(listen_anywhere(port));
    return "http://127.0.0.1:" + std::to_string(port) + "/";
  }

private:
  static int listen_anywhere(uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(fd, any, size) == 0);
    REQUIRE(::listen(fd, 64) == 0);
    REQUIRE(::getsockname(fd, any, &size) == 0);
    port = ntohs(address.sin_port);
    return fd;
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0)
        return;
      ++connections_;
      sessions_.emplace_back([this, fd] {
        peer other{fd};
        script_(other);
        ::close(fd);
      });
    }
  }

  std::function<void(peer&)> script_;
  uint16_t port_ = 0;
  int listener_;
  std::atomic<int> connections_ = 0;
  std::list<std::thread> sessions_;
  std::thread thread_;
};

/// Opens once; what waits at it goes on then.
class gate {
public:
  void open() {
    std::lock_guard guard{mutex_};
    open_ = true;
    changed_.notify_all();
  }

  void wait() {
    std::unique_lock guard{mutex_};
    changed_.wait_for(guard, 10s, [this] { return open_; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

curl_settings settings() {
  return {.monotonic = [] { return caf::timespan{0}; }};
}

http_request get(const std::string& url, caf::timespan timeout = 10s) {
  return {.ctx = {"corr-1"}, .url = url, .timeout = timeout};
}

http_request post(const std::string& url, const std::string& body = "{}") {
  return {.ctx = {"corr-1"}, .method = "POST", .url = url, .body = body};
}

std::future<http_response> start(curl_thread& curl, http_request request) {
  auto promise = std::make_shared<std::promise<http_response>>();
  auto result = promise->get_future();
  REQUIRE(curl.submit(std::move(request), [promise](http_response response) {
    promise->set_value(std::move(response));
  }));
  return result;
}

http_response wait(std::future<http_response> answer) {
  REQUIRE(answer.wait_for(20s) == std::future_status::ready);
  auto result = answer.get();
  CHECK(result.ctx.correlation_id == "corr-1");
  CHECK((result.transfer == http_transfer::answered) == result.failure.empty());
  return result;
}

http_response call(curl_thread& curl, http_request request) {
  return wait(start(curl, std::move(request)));
}

} // namespace

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

// -- not sent or lost ---------------------------------------------------------

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

// -- the actor ----------------------------------------------------------------

namespace {

struct client_fixture {
  client_fixture() {
    cfg.add_message_types<caf::id_block::tunerd>();
    cfg.set("scheduler.max-threads", size_t{2});
  }

  template <class Answer, class Handle, class Message>
  caf::error ask(const Handle& whom, const Message& message, Answer& answer) {
    caf::error result;
    self->request(whom, 20s, message)
      .receive([&](Answer& x) { answer = std::move(x); },
               [&](caf::error& err) { result = std::move(err); });
    return result;
  }

  caf::actor_system_config cfg;
  caf::actor_system sys{cfg};
  caf::scoped_actor self{sys};
};

} // namespace

TEST_CASE_METHOD(client_fixture, "the client names itself and the work",
                 "[provider][http_client][L3][W6]") {
  std::promise<std::string> seen;
  tiny_server server{[&seen](peer& other) {
    seen.set_value(other.read_request());
    other.answer("hello");
  }};
  auto curl = std::make_shared<curl_thread>(settings());
  auto client = sys.spawn(http_client, curl);
  http_response response;
  CHECK(!ask(client, get(server.url()), response));
  CHECK(response.body == "hello");
  CHECK(response.ctx.correlation_id == "corr-1");
  const auto text = seen.get_future().get();
  CHECK(text.find("X-Correlation-ID: corr-1\r\n") != text.npos);
  CHECK(
    text.find("User-Agent: SimpleTuner-Cloud/1.0 tunerd/" TUNERD_VERSION "\r\n")
    != text.npos);
}

TEST_CASE_METHOD(client_fixture, "the client answers when its thread stops",
                 "[provider][http_client]") {
  gate reached;
  tiny_server server{[&](peer& other) {
    other.read_request();
    reached.open();
    other.wait_for_close();
  }};
  auto curl = std::make_shared<curl_thread>(settings());
  http_client_actor client = sys.spawn(http_client, curl);
  auto pending = self->request(client, 20s, post(server.url()));
  reached.wait();
  curl->stop();
  http_transfer transfer = http_transfer::answered;
  pending.receive([&](http_response& x) { transfer = x.transfer; },
                  [](caf::error&) {});
  CHECK(transfer == http_transfer::lost);
  http_response response;
  CHECK(code_of(ask(client, get(server.url()), response)) == ec::overloaded);
}

TEST_CASE_METHOD(client_fixture, "a late answer of a dead client hurts nobody",
                 "[provider][http_client]") {
  gate reached;
  tiny_server server{[&](peer& other) {
    other.read_request();
    reached.open();
    other.wait_for_close();
  }};
  auto curl = std::make_shared<curl_thread>(settings());
  http_client_actor client = sys.spawn(http_client, curl);
  self->send(client, post(server.url()));
  reached.wait();
  self->monitor(client);
  self->send_exit(client, caf::exit_reason::kill);
  self->receive([](const caf::down_msg&) {});
  curl->stop();
}

// -- the whole way to the simulator -------------------------------------------

namespace {

/// Gateway, client and simulator as the daemon has them.
struct simulator_fixture : client_fixture {
  simulator_fixture() {
    simulator.start();
    provider_gateway_settings x;
    x.replicate.base_url = simulator.base_url();
    x.replicate.token = "r8_x";
    x.replicate.version = "me/model:5f2";
    x.world = {.now = clock, .random = [] { return uint64_t{0}; }};
    gateway = sys.spawn(provider_gateway, x, sys.spawn(http_client, curl),
                        settings_store_actor{});
  }

  ~simulator_fixture() {
    curl->stop();
    // Its time-outs would keep it, and the system, alive until they fire.
    caf::anon_send_exit(gateway, caf::exit_reason::kill);
  }

  submission_outcome submit() {
    const context ctx{"corr-1"};
    prepare_job wish{ctx, "replicate"};
    wish.input = R"({"job": "j1"})";
    job_prepared prepared;
    CHECK(!ask(gateway, wish, prepared));
    submission_outcome outcome;
    CHECK(!ask(gateway,
               submit_to_provider{ctx, "replicate", "j1", prepared.input},
               outcome));
    return outcome;
  }

  /// Lets the next submission end with `fault`, a JSON object.
  void fail_submission(const std::string& fault) {
    auto request = post(simulator.origin() + "/simulator/faults",
                        R"({"submit": [)" + fault + "]}");
    request.headers = {{"content-type", "application/json"}};
    CHECK(call(*curl, request).status == 200);
  }

  std::vector<provider_job> listed() {
    provider_job_page page;
    CHECK(!ask(gateway,
               list_provider_jobs{
                 {"corr-1"}, "replicate", clock() - std::chrono::minutes{5}},
               page));
    return page.jobs;
  }

  std::atomic<int64_t> time{1'700'000'000};
  wall_clock clock = [this] { return timestamp{std::chrono::seconds{time}}; };
  std::atomic<uint64_t> bits{0};
  replicate_simulator simulator{
    {.clock = clock, .random = [this] { return ++bits * 0x9E3779B97F4A7C15; }}};
  std::shared_ptr<curl_thread> curl = std::make_shared<curl_thread>(settings());
  provider_desk_actor gateway;
};

} // namespace

TEST_CASE_METHOD(simulator_fixture, "a job goes its way at the simulator",
                 "[provider][http_client][replicate_simulator]") {
  const auto outcome = submit();
  REQUIRE(outcome.result == submission_result::accepted);
  CHECK(outcome.seen.status == job_status::queued);
  time += 2;
  const get_provider_job query{
    {"corr-1"}, "replicate", outcome.seen.external_id, "h100"};
  provider_job_found found;
  REQUIRE(!ask(gateway, query, found));
  CHECK(found.seen.status == job_status::running);
  CHECK(found.seen.version == "5f2");
  const auto jobs = listed();
  REQUIRE(jobs.size() == 1);
  CHECK(jobs[0].external_id == outcome.seen.external_id);
  CHECK(jobs[0].input == R"({"job":"j1"})");
  provider_job_cancelled cancelled;
  REQUIRE(!ask(gateway,
               cancel_provider_job{query.ctx, "replicate", query.external_id},
               cancelled));
  CHECK(cancelled.seen.status == job_status::cancelled);
}

TEST_CASE_METHOD(simulator_fixture, "the simulator tells account and logs",
                 "[provider][http_client][replicate_simulator]") {
  provider_validated account;
  REQUIRE(!ask(gateway, validate_provider{{"corr-1"}, "replicate"}, account));
  CHECK(account.valid);
  CHECK(account.user_info.find("simulator") != std::string::npos);
  const auto outcome = submit();
  get_provider_job query{{"corr-1"}, "replicate", outcome.seen.external_id};
  time += 3;
  provider_job_found found;
  REQUIRE(!ask(gateway, query, found));
  CHECK(found.seen.logs.empty());
  query.with_logs = true;
  REQUIRE(!ask(gateway, query, found));
  CHECK(found.seen.logs.ends_with("step 5/10\nValidation\nTraining\n"));
  time += 10;
  query.with_logs = false;
  REQUIRE(!ask(gateway, query, found));
  CHECK(found.seen.logs.ends_with("Saving checkpoint\n"));
}

TEST_CASE_METHOD(simulator_fixture, "a delivery is judged by a fetched secret",
                 "[provider][http_client][replicate_simulator][webhook]") {
  read_webhook forged{{"corr-1"},
                      "replicate",
                      {{"webhook-id", "msg_1"},
                       {"webhook-timestamp", std::to_string(time)},
                       {"webhook-signature", "v1,forged"}}};
  webhook_read read;
  CHECK(code_of(ask(gateway, forged, read)) == ec::invalid_signature);
}

TEST_CASE_METHOD(simulator_fixture, "an answer that got lost leaves one job",
                 "[provider][http_client][replicate_simulator][Q3]") {
  fail_submission(R"({"kind": "close", "created": true})");
  CHECK(submit().result == submission_result::in_doubt);
  CHECK(listed().size() == 1);
  fail_submission(R"({"kind": "garbage", "created": true})");
  CHECK(submit().result == submission_result::in_doubt);
  CHECK(listed().size() == 2);
  fail_submission(R"({"kind": "status", "status": 429, "retry_after": 7})");
  const auto throttled = submit();
  CHECK(throttled.result == submission_result::not_accepted);
  CHECK(throttled.retry_after == 7s);
  CHECK(listed().size() == 2);
}
