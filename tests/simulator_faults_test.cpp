#include "actors/provider_gateway/time_text.hpp"
#include "actors/provider_gateway/webhook_signature.hpp"
#include "actors/replicate_simulator/iso_time.hpp"
#include "actors/replicate_simulator/replicate_api.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <random>

// One test per fault of docs/SIMULATOR.md that tests/replicate_api_test.cpp has
// not.

using namespace tunerd;
using namespace tunerd::simulated;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// The API without a server, under a script, at a time that the test moves.
struct script_fixture {
  api_answer call(const std::string& method, const std::string& target,
                  const std::string& body = "") {
    return api.handle(
      {.id = 1,
       .method = method,
       .target = target,
       .headers = {{"host", "sim:1"}, {"authorization", "Bearer x"}},
       .body = body},
      now);
  }

  json ask(const std::string& method, const std::string& target,
           const std::string& body = "", int status = 200) {
    const auto answer = call(method, target, body);
    INFO(method << " " << target << " answered " << answer.reply.body);
    CHECK(answer.reply.status == status);
    return json::parse(answer.reply.body);
  }

  /// @returns its id.
  std::string submit(const json& more = json::object()) {
    json body{{"version", "v"}, {"input", json::object()}};
    body.update(more);
    return ask("POST", "/v1/predictions", body.dump(), 201)["id"];
  }

  std::string path(const std::string& id) {
    return "/v1/predictions/" + id;
  }

  void script(const json& x) {
    api.set_faults(x.dump(), now);
  }

  std::vector<delivery> deliveries() {
    return api.take_deliveries("http://sim:1", now);
  }

  bool is_genuine(const delivery& x) {
    const auto secret = ask("GET", "/v1/webhooks/default/secret")["key"];
    return is_signed_by(*webhook_key(secret.get<std::string>()),
                        x.request.headers, x.request.body);
  }

  std::mt19937_64 engine{42};
  random_source random = [this] { return engine(); };
  replicate_api api{{.random = random}};
  timestamp now{std::chrono::hours{24 * 365 * 54}};
};

const json hook{{"webhook", "http://me/hook"},
                {"webhook_events_filter", {"start", "completed"}}};

std::string status_in(const delivery& x) {
  return json::parse(x.request.body)["status"];
}

} // namespace

TEST_CASE_METHOD(script_fixture, "latencies follow their distribution",
                 "[replicate_simulator]") {
  const auto delays = [this] {
    std::vector<int64_t> result;
    for (int i = 0; i < 2'000; ++i)
      result.push_back(call("GET", "/v1/account").delay.count());
    std::sort(result.begin(), result.end());
    return result;
  };
  script({{"latency_ms", {{"low", 10}, {"high", 30}}}});
  auto x = delays();
  CHECK(x.front() == 10);
  CHECK(x.back() == 30);
  CHECK(std::abs(x[1'000] - 20) <= 2);
  script({{"latency_ms", {{"median", 50}, {"p99", 800}}}});
  x = delays();
  CHECK(x[1'000] > 40);
  CHECK(x[1'000] < 60);
  CHECK(x[1'980] > 500);
  CHECK(x[1'980] < 1'300);
  script({{"latency_ms", 7}});
  CHECK(delays()[999] == 7);
}

TEST_CASE_METHOD(script_fixture, "a burst of errors lasts as long as scripted",
                 "[replicate_simulator]") {
  const auto id = submit();
  script({{"get",
           {{{"kind", "status"},
             {"status", 503},
             {"after_ms", 1'000},
             {"for_ms", 2'000}}}}});
  const auto status = [&] { return call("GET", path(id)).reply.status; };
  CHECK(status() == 200);
  now += 1s;
  for (int i = 0; i < 50; ++i)
    CHECK(status() == 503);
  now += 1'999ms;
  CHECK(status() == 503);
  now += 1ms;
  CHECK(status() == 200);
}

TEST_CASE_METHOD(script_fixture, "a fault may strike some of the calls",
                 "[replicate_simulator]") {
  const auto id = submit();
  script(
    {{"get", {{{"kind", "status"}, {"percent", 25}, {"count", 1'000'000}}}}});
  int struck = 0;
  for (int i = 0; i < 2'000; ++i)
    struck += call("GET", path(id)).reply.status == 500 ? 1 : 0;
  CHECK(struck > 420);
  CHECK(struck < 580);
}

TEST_CASE_METHOD(script_fixture, "one seed is one course of events",
                 "[replicate_simulator]") {
  const auto course = [](uint64_t seed) {
    script_fixture x;
    x.engine.seed(seed);
    x.script(
      {{"latency_ms", {{"median", 50}, {"p99", 800}}},
       {"submit", {{{"kind", "close"}, {"percent", 50}, {"count", 100}}}}});
    std::string result;
    for (int i = 0; i < 20; ++i) {
      const auto answer
        = x.call("POST", "/v1/predictions", R"({"version":"v","input":{}})");
      result += answer.reply.body + std::to_string(answer.delay.count());
    }
    return result;
  };
  CHECK(course(7) == course(7));
  CHECK(course(7) != course(8));
}

TEST_CASE_METHOD(script_fixture,
                 "a reply may be lost after the call took "
                 "effect",
                 "[replicate_simulator]") {
  script({{"submit", {{{"kind", "close"}, {"created", true}}}}});
  CHECK(call("POST", "/v1/predictions", R"({"version":"v","input":{}})").act
        == api_answer::action::close);
  CHECK(ask("GET", "/v1/predictions")["results"].size() == 1);
}

TEST_CASE_METHOD(script_fixture, "a rate limit tells its end in four ways",
                 "[replicate_simulator]") {
  const auto refusal = [this](const char* hint) {
    script({{"rate_limit",
             {{"creates_per_minute", 2},
              {"requests_per_minute", 3},
              {"hint", hint}}}});
    submit();
    submit();
    now += 20s;
    return call("POST", "/v1/predictions", R"({"version":"v","input":{}})")
      .reply;
  };
  auto reply = refusal("seconds");
  CHECK(reply.status == 429);
  CHECK(reply.headers == http_headers{{"Retry-After", "40"}});
  reply = refusal("date");
  REQUIRE(reply.headers.size() == 1);
  CHECK(parse_http_date(reply.headers[0].second)
        == std::chrono::ceil<std::chrono::seconds>(now) + 40s);
  reply = refusal("detail");
  CHECK(reply.headers.empty());
  CHECK(reply.body.find("resets in ~40s.") != std::string::npos);
  reply = refusal("none");
  CHECK(reply.headers.empty());
  CHECK(reply.body.find("resets in") == std::string::npos);
  // Other calls have their own; the next minute has all again.
  for (const int status : {200, 200, 200, 429})
    ask("GET", "/v1/account", "", status);
  now += 1min;
  ask("GET", "/v1/account");
  submit();
  CHECK(ask("GET", "/simulator/stats")["throttled"] == 5);
}

TEST_CASE_METHOD(script_fixture, "a single refusal can hint at its end too",
                 "[replicate_simulator]") {
  script({{"get",
           {{{"kind", "status"},
             {"status", 429},
             {"retry_after", 30},
             {"hint", "detail"}},
            {{"kind", "status"},
             {"status", 429},
             {"retry_after", 30},
             {"hint", "date"}}}}});
  const auto first = call("GET", path("x")).reply;
  CHECK(first.headers.empty());
  CHECK(first.body.find("resets in ~30s") != std::string::npos);
  const auto second = call("GET", path("x")).reply;
  REQUIRE(second.headers.size() == 1);
  CHECK(parse_http_date(second.headers[0].second) == now + 30s);
}

TEST_CASE_METHOD(script_fixture, "the list may lag behind",
                 "[replicate_simulator]") {
  script({{"list_lag_ms", 5'000}});
  const auto id = submit();
  const auto shown
    = [this] { return ask("GET", "/v1/predictions")["results"].size(); };
  ask("GET", path(id));
  now += 5s;
  CHECK(shown() == 0);
  now += 1ms;
  CHECK(shown() == 1);
}

TEST_CASE_METHOD(script_fixture, "a status may be one that nobody knows",
                 "[replicate_simulator]") {
  const auto id = submit();
  script({{"get", {{{"kind", "unknown_status"}, {"detail", "hibernating"}}}},
          {"list", {{{"kind", "unknown_status"}}}}});
  CHECK(ask("GET", path(id))["status"] == "hibernating");
  CHECK(ask("GET", path(id))["status"] == "starting");
  CHECK(ask("GET", "/v1/predictions")["results"][0]["status"] == "hibernating");
}

TEST_CASE_METHOD(script_fixture, "a prediction may vanish for ever",
                 "[replicate_simulator]") {
  const auto id = submit(hook);
  now += 2s;
  script({{"get", {{{"kind", "vanish"}}}}});
  for (int i = 0; i < 3; ++i)
    ask("GET", path(id), "", 404);
  ask("POST", path(id) + "/cancel", "", 404);
  CHECK(ask("GET", "/v1/predictions")["results"].empty());
  CHECK(deliveries().empty());
  CHECK(ask("GET", "/simulator/stats")["active"] == 0);
  submit();
}

TEST_CASE_METHOD(script_fixture, "the provider's clock may be wrong",
                 "[replicate_simulator]") {
  const auto right = now;
  script({{"clock_skew_ms", 3'600'000}});
  const auto id = submit(hook);
  CHECK(ask("GET", path(id))["created_at"] == simulated::iso_time(right + 1h));
  // What is asked for is judged by that clock.
  const auto since
    = "/v1/predictions?created_after=" + simulated::iso_time(right + 30min);
  CHECK(ask("GET", since)["results"].size() == 1);
  now += 1s;
  const auto sent = deliveries();
  REQUIRE(sent.size() == 1);
  CHECK(!signature_mistake(sent[0].request.headers, now, 300s).empty());
  CHECK(signature_mistake(sent[0].request.headers, now + 1h, 300s).empty());
}

// -- webhooks -----------------------------------------------------------------

TEST_CASE_METHOD(script_fixture, "start and end are told, signed",
                 "[replicate_simulator][W1]") {
  const auto id = submit(hook);
  CHECK(deliveries().empty());
  CHECK(api.next_due(now) == 1s);
  now += 1s;
  auto sent = deliveries();
  REQUIRE(sent.size() == 1);
  CHECK(status_in(sent[0]) == "processing");
  CHECK(!sent[0].may_be_repeated);
  CHECK(api.next_due(now) == 4s);
  now += 4s;
  sent = deliveries();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].request.url == "http://me/hook");
  CHECK(sent[0].request.method == "POST");
  CHECK(status_in(sent[0]) == "succeeded");
  CHECK(json::parse(sent[0].request.body)["id"] == id);
  CHECK(sent[0].may_be_repeated);
  CHECK(is_genuine(sent[0]));
  CHECK(signature_mistake(sent[0].request.headers, now, 300s).empty());
  CHECK(!api.next_due(now));
  CHECK(deliveries().empty());
}

TEST_CASE_METHOD(script_fixture, "only the events asked for are told",
                 "[replicate_simulator]") {
  submit(
    {{"webhook", "http://me/hook"}, {"webhook_events_filter", {"completed"}}});
  submit();
  now += 2s;
  CHECK(deliveries().empty());
  now += 1h;
  CHECK(deliveries().size() == 1);
}

TEST_CASE_METHOD(script_fixture, "webhooks may be lost",
                 "[replicate_simulator]") {
  script({{"webhooks", {{"lost", 100}}}});
  submit(hook);
  now += 1h;
  CHECK(deliveries().empty());
}

TEST_CASE_METHOD(script_fixture, "webhooks may come twice with one id",
                 "[replicate_simulator]") {
  script({{"webhooks", {{"duplicate", 100}}}});
  submit(hook);
  now += 1s;
  const auto sent = deliveries();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].request.headers == sent[1].request.headers);
  CHECK(sent[0].request.body == sent[1].request.body);
}

TEST_CASE_METHOD(script_fixture, "webhooks may come late and out of order",
                 "[replicate_simulator]") {
  script({{"webhooks", {{"late", 100}, {"late_ms", 30'000}}}});
  submit(hook);
  now += 1s;
  const auto late = deliveries();
  REQUIRE(late.size() == 1);
  CHECK(late[0].delay == 30s);
  CHECK(status_in(late[0]) == "processing");
  script({{"webhooks", json::object()}});
  now += 4s;
  const auto next = deliveries();
  REQUIRE(next.size() == 1);
  CHECK(next[0].delay == 0s);
}

TEST_CASE_METHOD(script_fixture, "webhooks may be forged",
                 "[replicate_simulator][W1]") {
  script({{"webhooks", {{"forged", 100}}}});
  submit(hook);
  now += 1s;
  const auto sent = deliveries();
  REQUIRE(sent.size() == 2);
  CHECK(status_in(sent[0]) == "succeeded");
  CHECK(!is_genuine(sent[0]));
  CHECK(status_in(sent[1]) == "processing");
  CHECK(is_genuine(sent[1]));
}

TEST_CASE_METHOD(script_fixture, "a script that cannot be read is refused",
                 "[replicate_simulator]") {
  for (const auto* bad :
       {"", "[]", R"({"latency_ms":{"low":3}})",
        R"({"latency_ms":{"low":3,"high":2}})",
        R"({"latency_ms":{"median":3,"p90":5}})",
        R"({"rate_limit":{"hint":"smoke"}})", R"({"webhooks":{"lost":101}})",
        R"({"webhooks":{"lots":1}})", R"({"list":[{"kind":"vanish"}]})",
        R"({"submit":[{"kind":"unknown_status"}]})",
        R"({"get":[{"kind":"hang","percent":0}]})",
        R"({"clock_skew_ms":"1"})"}) {
    INFO(bad);
    CHECK_THROWS_AS(api.set_faults(bad, now), std::invalid_argument);
  }
  script({{"list_lag_ms", 5}, {"latency_ms", {{"low", 1}, {"high", 2}}}});
  // What it shows is a script again.
  const auto shown = ask("POST", "/simulator/faults", "{}");
  CHECK(shown["list_lag_ms"] == 5);
  CHECK(ask("POST", "/simulator/faults", shown.dump()) == shown);
}
