#include "actors/provider_gateway/curl_thread.hpp"
#include "actors/support/http_server.hpp"
#include "runtime/client.hpp"
#include "runtime/logging.hpp"

#include "tests/log_capture.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <mutex>
#include <thread>

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

/// Answers every request with its own method and body, and keeps it.
class echo {
public:
  echo() : server_({}, [this](http_call x) { answer(std::move(x)); }) {
    server_.start();
  }

  std::string url(const std::string& path = "/") const {
    return "http://" + address() + path;
  }

  /// "127.0.0.1:PORT"
  std::string address() const {
    return "127.0.0.1:" + std::to_string(server_.port());
  }

  std::vector<http_call> seen() {
    std::lock_guard guard{mutex_};
    return seen_;
  }

  /// @returns all values of a header in the last request.
  std::vector<std::string> sent(const std::string& name) {
    std::vector<std::string> result;
    const auto last = seen().back();
    for (const auto& [key, value] : last.headers)
      if (key == name)
        result.push_back(value);
    return result;
  }

private:
  void answer(http_call x) {
    std::unique_lock guard{mutex_};
    seen_.push_back(x);
    guard.unlock();
    if (x.target.starts_with("/silent"))
      return;
    server_.reply(x.id, {.status = x.target == "/missing" ? 404 : 200,
                         .body = x.method + ' ' + x.body,
                         .content_type = "text/plain",
                         .headers = {{"Set-Cookie", "session=c00kie"}}});
  }

  std::mutex mutex_;
  std::vector<http_call> seen_;
  http_server server_;
};

using headers = client::header_list;

/// @returns why the call failed; fails the test if it has an answer.
call_failed failure_of(const client& caller, client::call what) {
  try {
    caller.request(std::move(what));
  } catch (const call_failed& e) {
    return e;
  }
  FAIL("there is an answer");
  throw std::logic_error{"never"};
}

/// A port on which nobody listens any more.
std::string dead_address() {
  return echo{}.address();
}

} // namespace

TEST_CASE("a call carries the correlation id of the work that makes it",
          "[logging][client][L3]") {
  test::log_capture log;
  echo server;
  const auto client = get_client();
  {
    log_context work{context{"corr-7", {{"job_id", "j7"}}}};
    const auto answer = client.get(server.url("/x?a=1"));
    CHECK(answer.status == 200);
    CHECK(answer.body == "GET ");
    CHECK(answer.header("content-type") == "text/plain");
    CHECK(answer.header("absent").empty());
  }
  CHECK(server.seen().back().target == "/x?a=1");
  CHECK(server.sent("x-correlation-id") == std::vector<std::string>{"corr-7"});
  CHECK(server.sent("user-agent").front().starts_with("SimpleTuner-Cloud/1.0"));
}

TEST_CASE("a call of no one's work begins one", "[logging][client][L3]") {
  echo server;
  clear_correlation_id();
  get_client().get(server.url());
  const auto made = get_correlation_id();
  clear_correlation_id();
  CHECK(made.size() == 12);
  CHECK(server.sent("x-correlation-id") == std::vector<std::string>{made});
}

TEST_CASE("what names the work cannot be said twice", "[logging][client]") {
  echo server;
  log_context work{context{"corr-7"}};
  get_client().get(server.url(), {{"X-Correlation-Id", "mine"},
                                  {"USER-AGENT", "mine"},
                                  {"X-Other", "kept"}});
  CHECK(server.sent("x-correlation-id") == std::vector<std::string>{"corr-7"});
  CHECK(server.sent("user-agent").size() == 1);
  CHECK(server.sent("x-other") == std::vector<std::string>{"kept"});
}

TEST_CASE("every method goes out with its body", "[logging][client]") {
  echo server;
  const auto client = get_client();
  const headers json{{"Content-Type", "application/json"}};
  CHECK(client.post(server.url(), "{}", json).body == "POST {}");
  CHECK(server.sent("content-type").front() == "application/json");
  CHECK(client.put(server.url(), "a").body == "PUT a");
  CHECK(client.patch(server.url(), "b").body == "PATCH b");
  CHECK(client.delete_(server.url()).body == "DELETE ");
  CHECK(client.get(server.url("/missing")).status == 404);
  CHECK(client.request({.method = "HEAD", .url = server.url()}).body.empty());
}

TEST_CASE("a call without an answer says whether it can be repeated",
          "[logging][client]") {
  echo server;
  const client small{{.timeout = 5s, .body_bytes_max = 8}};
  const auto dead = failure_of(
    small, {.url = "http://joe:pw@" + dead_address() + "/?token=t0ken"});
  CHECK(!dead.may_have_arrived());
  CHECK(std::string{dead.what()}.starts_with("GET http://***@127.0.0.1:"));
  CHECK(std::string{dead.what()}.find("t0ken") == std::string::npos);
  const auto large = failure_of(
    small, {.method = "POST", .url = server.url(), .body = "123456789"});
  CHECK(large.may_have_arrived());
  CHECK(std::string{large.what()}.find("too large") != std::string::npos);
  const auto late
    = failure_of(small, {.url = server.url("/silent"), .timeout = 50ms});
  CHECK(late.may_have_arrived());
  CHECK(!failure_of(small, {.url = "ftp://127.0.0.1/"}).may_have_arrived());
  CHECK(
    !failure_of(small, {.url = server.url(), .headers = {{"A", "b\r\nC: d"}}})
       .may_have_arrived());
}

TEST_CASE("limits of a client are checked", "[logging][client]") {
  CHECK_THROWS_AS((client{{.timeout = 0ms}}), std::invalid_argument);
  CHECK_THROWS_AS((client{{.timeout = 2h}}), std::invalid_argument);
  CHECK_THROWS_AS((client{{.in_flight_max = 0}}), std::invalid_argument);
  CHECK_THROWS_AS(get_client().request({.url = "http://x/", .timeout = -1ms}),
                  std::invalid_argument);
}

TEST_CASE("calls of several threads keep to their own work",
          "[logging][client][L1]") {
  test::log_capture log;
  echo server;
  const client shared{{}};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, id = "corr-" + std::to_string(i)] {
      log_context work{context{id, {{"job_id", "of-" + id}}}};
      for (int n = 0; n < 10; ++n)
        shared.get(server.url("/" + id));
    });
  for (auto& x : threads)
    x.join();
  for (const auto& x : server.seen())
    CHECK(x.target == "/" + header(x.headers, "x-correlation-id"));
  REQUIRE(log.lines_with("HTTP call finished").size() == 40);
  // libcurl's own words of each call, too.
  for (const auto& line : log.lines()) {
    INFO(line.text);
    CHECK(line.extra.at("job_id") == "of-" + line.correlation_id);
  }
  for (const auto& line : log.lines_with("libcurl sent: GET /"))
    CHECK(line.message.find("/" + line.correlation_id + " ")
          != std::string::npos);
}

TEST_CASE("the log tells of calls and keeps their secrets",
          "[logging][client][W4]") {
  test::log_capture log;
  echo server;
  const auto url
    = "http://joe:passw0rd@" + server.address() + "/hook?api_key=k3y&page=2";
  get_client().post(
    url, "b0dy",
    {{"Authorization", "Bearer t0ken"}, {"X-Webhook-Secret", "s3cret"}});
  const auto said = log.lines_with("HTTP call finished");
  REQUIRE(said.size() == 1);
  CHECK(said[0].level == "DEBUG");
  CHECK(said[0].logger == "simpletuner.cloud.http");
  CHECK(said[0].extra.at("method") == "POST");
  CHECK(said[0].extra.at("status") == "200");
  CHECK(said[0].extra.at("url")
        == "http://***@" + server.address() + "/hook?api_key=***&page=2");
  CHECK(log.contains("libcurl sent: POST /hook?api_key=***&page=2 HTTP/1.1"));
  CHECK(log.contains("libcurl sent: Authorization: ***"));
  CHECK(log.contains("libcurl got: HTTP/1.1 200 OK"));
  CHECK(log.contains("libcurl got: Set-Cookie: ***"));
  for (const auto& line : log.lines()) {
    INFO(line.text);
    for (const auto* secret :
         {"joe", "passw0rd", "k3y", "t0ken", "s3cret", "b0dy", "c00kie",
          "am9lOnBhc3N3MHJk" /* joe:passw0rd in base64 */})
      CHECK(line.text.find(secret) == std::string::npos);
  }
}

TEST_CASE("libcurl is silent where nobody listens", "[logging][client]") {
  test::log_capture log;
  echo server;
  REQUIRE(set_log_level("simpletuner.cloud.http.curl", "INFO"));
  get_client().get(server.url());
  CHECK(!log.contains("libcurl"));
  CHECK(log.contains("HTTP call finished"));
}

TEST_CASE("the end of a call is told in the context of the call",
          "[logging][client][L1]") {
  test::log_capture log;
  const logger here{"simpletuner.cloud.providers"};
  echo server;
  curl_thread curl{{.monotonic = [] { return caf::timespan{0}; }}};
  std::promise<void> done, refused;
  const auto call = [&](const std::string& id, const std::string& url,
                        std::promise<void>& end) {
    REQUIRE(curl.submit({.ctx = {id, {{"job_id", id}}}, .url = url},
                        [&](const http_response&) {
                          here.info("told");
                          end.set_value();
                        }));
    end.get_future().wait();
  };
  call("corr-1", server.url(), done);
  call("corr-2", "http://control\n", refused); // never gets under way
  const auto lines = log.lines_with("told");
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].correlation_id == "corr-1");
  CHECK(lines[0].extra.at("job_id") == "corr-1");
  CHECK(lines[1].correlation_id == "corr-2");
  CHECK(lines[1].extra.at("job_id") == "corr-2");
}
