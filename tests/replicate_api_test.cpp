#include "actors/replicate_simulator/iso_time.hpp"
#include "actors/replicate_simulator/replicate_api.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <random>

using namespace tunerd;
using namespace tunerd::simulated;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

using action = api_answer::action;

/// The API without a server, at a time that the test moves.
struct api_fixture {
  api_answer call(const std::string& method, const std::string& target,
                  const std::string& body = "") {
    http_headers headers{{"host", "sim:1"}, {"x-correlation-id", correlation}};
    if (!token.empty())
      headers.emplace_back("authorization", token);
    if (!lifetime.empty())
      headers.emplace_back("cancel-after", lifetime);
    return api.handle({.id = 1,
                       .method = method,
                       .target = target,
                       .headers = headers,
                       .body = body},
                      now);
  }

  json ask(const std::string& method, const std::string& target,
           const std::string& body = "", int status = 200) {
    const auto answer = call(method, target, body);
    INFO(method << " " << target << " answered " << answer.reply.body);
    CHECK(answer.act == action::reply);
    CHECK(answer.reply.status == status);
    return json::parse(answer.reply.body);
  }

  json submit(const json& input = json::object()) {
    return ask("POST", "/v1/predictions", body(input), 201);
  }

  static std::string body(const json& input = json::object()) {
    return json{{"version", "owner/model:hash"}, {"input", input}}.dump();
  }

  json get(const json& prediction) {
    return ask("GET", "/v1/predictions/" + prediction["id"].get<std::string>());
  }

  json stats() {
    return ask("GET", "/simulator/stats");
  }

  /// Follows `next` to the end. @returns all ids in order.
  std::vector<std::string> list(std::string target) {
    const std::string origin = "http://sim:1";
    std::vector<std::string> ids;
    for (json page; !target.empty();) {
      page = ask("GET", target);
      CHECK(page["results"].size() <= 100);
      for (const auto& made : page["results"])
        ids.push_back(made["id"]);
      target.clear();
      if (!page["next"].is_null()) {
        const auto next = page["next"].get<std::string>();
        CHECK(next.starts_with(origin + "/v1/predictions?"));
        target = next.substr(origin.size());
      }
    }
    return ids;
  }

  timestamp now{std::chrono::hours{24 * 365 * 54}};
  std::string token = "Bearer r8_x";
  std::string correlation = "corr-1";
  std::string lifetime = {};
  std::mt19937_64 engine{42};
  replicate_api::options opts{.random = [this] { return engine(); }};
  replicate_api api{opts};
};

} // namespace

TEST_CASE_METHOD(api_fixture, "a prediction goes from creation to its output",
                 "[replicate_simulator]") {
  const auto made = submit({{"steps", 7}});
  CHECK(made["model"] == "owner/model");
  CHECK(made["version"] == "hash");
  CHECK(made["status"] == "starting");
  CHECK(made["input"] == json{{"steps", 7}});
  CHECK(made["created_at"] == iso_time(now));
  CHECK(made["started_at"].is_null());
  CHECK(made["source"] == "api");
  CHECK(made["urls"]["get"]
        == "http://sim:1/v1/predictions/" + made["id"].get<std::string>());
  now += 2'200ms;
  const auto running = get(made);
  CHECK(running["status"] == "processing");
  CHECK(running["logs"]
        == "Preprocessing images\nWarmup\nTraining\n"
           "step 1/10\nstep 2/10\nstep 3/10\n");
  CHECK(running["output"].is_null());
  now += 1h;
  const auto over = get(made);
  CHECK(over["status"] == "succeeded");
  CHECK(over["metrics"]["predict_time"] == 4.0);
  CHECK(over["logs"].get<std::string>().starts_with(
    running["logs"].get<std::string>()));
  CHECK(over["logs"].get<std::string>().ends_with(
    "step 10/10\nSaving checkpoint\n"));
  CHECK(over["output"].is_string());
  CHECK(over["error"].is_null());
  CHECK(over["data_removed"] == false);
  now += 1h;
  const auto later = get(made);
  CHECK(later["data_removed"] == true);
  CHECK(later["status"] == "succeeded");
  CHECK(later["input"].empty());
  CHECK(later["output"].is_null());
  CHECK(later["logs"] == "");
}

TEST_CASE_METHOD(api_fixture, "the secret of deliveries is one for the run",
                 "[replicate_simulator]") {
  const auto key = ask("GET", "/v1/webhooks/default/secret")["key"];
  CHECK(key.get<std::string>().starts_with("whsec_"));
  ask("POST", "/simulator/reset");
  CHECK(ask("GET", "/v1/webhooks/default/secret")["key"] == key);
  CHECK(replicate_api{opts}
          .handle({.method = "GET",
                   .target = "/v1/webhooks/default/secret",
                   .headers = {{"authorization", "Bearer x"}}},
                  now)
          .reply.body.find(key.get<std::string>())
        == std::string::npos);
  ask("GET", "/v1/webhooks/other/secret", "", 404);
}

TEST_CASE_METHOD(api_fixture, "an input may say what becomes of it",
                 "[replicate_simulator]") {
  const auto made = submit({{"simulate",
                             {{"queue_ms", 0},
                              {"run_ms", 100},
                              {"outcome", "failed"},
                              {"error", "out of memory"}}}});
  CHECK(made["status"] == "processing");
  now += 100ms;
  const auto over = get(made);
  CHECK(over["status"] == "failed");
  CHECK(over["error"] == "out of memory");
  CHECK(over["metrics"]["predict_time"] == 0.1);
}

TEST_CASE_METHOD(api_fixture, "a prediction can be cancelled, twice as well",
                 "[replicate_simulator]") {
  const auto made = submit();
  const auto target
    = "/v1/predictions/" + made["id"].get<std::string>() + "/cancel";
  CHECK(ask("POST", target)["status"] == "canceled");
  now += 10s;
  CHECK(ask("POST", target)["status"] == "canceled");
  CHECK(get(made)["started_at"].is_null());
  ask("POST", "/v1/predictions/unknown/cancel", "", 404);
  ask("GET", "/v1/predictions/unknown", "", 404);
  CHECK(stats()["cancels"] == 3);
}

TEST_CASE_METHOD(api_fixture, "a prediction lives no longer than it may",
                 "[replicate_simulator]") {
  const auto end_after = [this](const char* text, caf::timespan time) {
    lifetime = text;
    const auto made
      = submit({{"simulate", {{"queue_ms", 60'000}, {"run_ms", 3'600'000}}}});
    lifetime.clear();
    now += time;
    return get(made);
  };
  CHECK(end_after("90s", 89s)["status"] == "processing");
  const auto cut = end_after("90s", 90s);
  CHECK(cut["status"] == "canceled");
  CHECK(cut["metrics"]["predict_time"] == 30.0);
  const auto waited = end_after("5s", 5s);
  CHECK(waited["status"] == "aborted");
  CHECK(waited["started_at"].is_null());
  CHECK(end_after("1m30s", 90s)["status"] == "canceled");
  CHECK(end_after("2h30m", 2h)["status"] == "succeeded");
  CHECK(stats()["active"] == 0);
  for (const auto* wrong : {"4s", "90", "s", "5x", "-9s", "1 m", "9999999s"}) {
    lifetime = wrong;
    ask("POST", "/v1/predictions", body(), 422);
  }
}

TEST_CASE_METHOD(api_fixture, "a list pages from the newest to the oldest",
                 "[replicate_simulator]") {
  std::vector<std::string> made;
  for (int i = 0; i < 250; ++i) {
    made.insert(made.begin(), submit()["id"]);
    now += 10ms;
  }
  CHECK(list("/v1/predictions") == made);
  const auto begin = now - 2'500ms;
  const auto window = "?created_after=" + iso_time(begin + 200ms)
                      + "&created_before=" + iso_time(begin + 2'000ms);
  CHECK(list("/v1/predictions" + window)
        == std::vector(made.begin() + 50, made.begin() + 230));
  // Exactly one page has no next one.
  const auto last = "?created_after=" + iso_time(begin + 1'500ms);
  CHECK(ask("GET", "/v1/predictions" + last)["next"].is_null());
}

TEST_CASE_METHOD(api_fixture, "what is made meanwhile shifts no page",
                 "[replicate_simulator]") {
  for (int i = 0; i < 150; ++i)
    submit();
  const auto first = ask("GET", "/v1/predictions");
  submit();
  const auto next = first["next"].get<std::string>();
  const auto second = ask("GET", next.substr(next.find("/v1")));
  CHECK(second["results"].size() == 50);
  CHECK(second["results"][0]["id"] != first["results"][99]["id"]);
}

TEST_CASE_METHOD(api_fixture, "without a valid token there is only 401",
                 "[replicate_simulator]") {
  SECTION("none") {
    token = "";
  }
  SECTION("an empty one") {
    token = "Bearer ";
  }
  SECTION("another scheme") {
    token = "Basic r8_x";
  }
  SECTION("another one than configured") {
    opts.token = "r8_secret";
    replicate_api strict{opts};
    CHECK(strict
            .handle({.method = "GET",
                     .target = "/v1/account",
                     .headers = {{"authorization", "Bearer r8_secret"}}},
                    now)
            .reply.status
          == 200);
    CHECK(strict
            .handle({.method = "GET",
                     .target = "/v1/account",
                     .headers = {{"authorization", "Bearer r8_x"}}},
                    now)
            .reply.status
          == 401);
    return;
  }
  ask("GET", "/v1/account", "", 401);
  ask("POST", "/v1/predictions", body(), 401);
  CHECK(stats()["unauthorized"] == 2);
  CHECK(stats()["submissions"] == 0);
}

TEST_CASE_METHOD(api_fixture, "a submission that is wrong makes nothing",
                 "[replicate_simulator]") {
  const auto bad = GENERATE(
    as<std::string>{}, "", "no json", "[]", "{}", R"({"version": 1})",
    R"({"version": "v"})", R"({"version": "v", "input": []})",
    R"({"version": "v", "input": {"simulate": {"run_ms": -1}}})",
    R"({"version": "v", "input": {"simulate": {"run_ms": 1.5}}})",
    R"({"version": "v", "input": {"simulate": {"outcome": "great"}}})",
    R"({"version": "v", "input": {"simulate": {"queue": 1}}})",
    R"({"version": "v", "input": {"x": ")"
    "\xff"
    R"("}})",
    std::string(100'000, '['));
  CHECK(ask("POST", "/v1/predictions", bad, 422)["detail"].is_string());
  CHECK(stats()["invalid"] == 1);
  CHECK(stats()["submissions"] == 0);
}

TEST_CASE_METHOD(api_fixture, "nonsense is answered", "[replicate_simulator]") {
  for (const auto* target :
       {"", "*", "/", "//", "?", "/v1", "/v1/", "/v1/predictions/",
        "/v2/predictions", "/v1/predictions/a/b", "/simulator",
        "/simulator/x?=&a&%"})
    ask("GET", target, "", 404);
  ask("DELETE", "/v1/predictions", "", 404);
  for (const auto* query :
       {"?cursor=x", "?cursor=-1", "?created_after=now", "?created_before=%zz"})
    ask("GET", std::string{"/v1/predictions"} + query, "", 422);
  ask("GET", "/v1/predictions?created_after=2024-01-15T10%3A30%3A00%2B00%3A00");
}

TEST_CASE_METHOD(api_fixture, "it counts what it was asked, by marker",
                 "[replicate_simulator]") {
  const auto first = submit({{"user", "ann"}, {"job", "j1"}});
  submit({{"user", "ann"}, {"job", "j2"}});
  submit({{"user", 7}, {"job", "j2"}});
  correlation = "corr-2";
  get(first);
  get(first);
  now += 1s;
  const auto counts = stats();
  CHECK(counts["submissions"] == 3);
  CHECK(counts["created"] == 3);
  CHECK(counts["running"] == 3);
  CHECK(counts["active_max"] == 3);
  CHECK(counts["polls"] == 2);
  CHECK(counts["by_user"]["ann"]["running_max"] == 2);
  CHECK(counts["by_user"]["7"]["running_max"] == 1);
  CHECK(counts["by_job"]["j2"]["created"] == 2);
  CHECK(counts["by_input"].size() == 3);
  const auto& seen = counts["predictions"][first["id"].get<std::string>()];
  CHECK(seen["job"] == "j1");
  CHECK(seen["polls"] == 2);
  CHECK(seen["correlation_ids"] == json{"corr-1", "corr-2"});
  now += 1h;
  CHECK(stats()["running"] == 0);
  CHECK(stats()["active"] == 0);
  CHECK(stats()["running_max"] == 3);
}

TEST_CASE_METHOD(api_fixture, "reset forgets everything but the settings",
                 "[replicate_simulator]") {
  const auto made = submit({{"user", "ann"}});
  ask("POST", "/simulator/faults", R"({"get": [{"kind": "hang"}]})");
  ask("POST", "/simulator/reset");
  CHECK(stats()["submissions"] == 0);
  CHECK(stats()["by_user"].empty());
  ask("GET", "/v1/predictions/" + made["id"].get<std::string>(), "", 404);
  CHECK(submit()["id"] != made["id"]);
}

TEST_CASE_METHOD(api_fixture, "faults hit the next calls, in order",
                 "[replicate_simulator]") {
  const auto left = ask("POST", "/simulator/faults", R"({
    "submit": [{"kind": "status", "status": 500, "count": 2, "created": true},
               {"kind": "hang"}, {"kind": "close", "created": true},
               {"kind": "garbage"},
               {"kind": "status", "status": 429, "retry_after": 3}],
    "latency_ms": 250})");
  CHECK(left["submit"].size() == 5);
  const auto next = [&] { return call("POST", "/v1/predictions", body()); };
  CHECK(next().reply.status == 500);
  CHECK(next().reply.status == 500);
  CHECK(next().act == action::hang);
  CHECK(next().act == action::close);
  CHECK(json::parse(next().reply.body, nullptr, false).is_discarded());
  const auto throttled = next().reply;
  CHECK(throttled.status == 429);
  CHECK(throttled.headers == http_headers{{"Retry-After", "3"}});
  CHECK(next().reply.status == 201);
  CHECK(next().delay == 250ms);
  CHECK(stats()["submissions"] == 8);
  CHECK(stats()["created"] == 5);
  CHECK(stats()["faults"] == 6);
}

TEST_CASE_METHOD(api_fixture, "every route of a prediction can fail",
                 "[replicate_simulator]") {
  const auto made = submit();
  const auto target = "/v1/predictions/" + made["id"].get<std::string>();
  const auto one = R"([{"kind": "status", "status": 503, "created": true}])";
  ask("POST", "/simulator/faults",
      std::string{R"({"get": )"} + one + R"(, "list": )" + one
        + R"(, "cancel": )" + one + "}");
  ask("GET", target, "", 503);
  ask("GET", "/v1/predictions", "", 503);
  ask("POST", target + "/cancel", "", 503);
  CHECK(get(made)["status"] == "canceled");
}

TEST_CASE_METHOD(api_fixture, "faults that cannot be read change nothing",
                 "[replicate_simulator]") {
  ask("POST", "/simulator/faults", R"({"get": [{"kind": "hang"}]})");
  const auto bad = GENERATE(
    as<std::string>{}, "", "[]", R"({"sumbit": []})", R"({"get": {}})",
    R"({"get": [], "list": [{}]})", R"({"get": [], "list": [{"kind": "?"}]})",
    R"({"get": [{"kind": "status", "status": 200}]})",
    R"({"get": [{"kind": "hang", "count": 0}]})",
    R"({"get": [{"kind": "hang", "count": 18446744073709551615}]})",
    R"({"get": [{"kind": "hang", "created": 1}]})", R"({"latency_ms": "1"})");
  ask("POST", "/simulator/faults", bad, 422);
  CHECK(ask("POST", "/simulator/faults", "{}")["get"].size() == 1);
}
