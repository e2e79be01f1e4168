#include "tests/log_capture.hpp"
#include "tests/provider_fixture.hpp"

#include <nlohmann/json.hpp>

using namespace tunerd;
using namespace std::chrono_literals;
using test::answered;
using test::corr;
using test::running;
using test::step;
using json = nlohmann::json;
using enum submission_result;

namespace {

struct fixture : test::provider_fixture {
  json config() {
    return json::parse(
      ask<provider_config_found>(aut, get_provider_config{corr, "replicate"})
        .config);
  }

  job_prepared prepare(std::string hardware_profile = "") {
    prepare_job request{corr, "replicate", std::move(hardware_profile)};
    request.input = "{}";
    return ask<job_prepared>(aut, request);
  }

  breaker_status breaker() {
    return ask<breaker_list>(aut, get_breakers{corr}).breakers.at(0);
  }

  provider_validated validate(step next) {
    script = {std::move(next)};
    return ask<provider_validated>(aut, validate_provider{corr, "replicate"});
  }

  /// Five submissions that fail.
  void open_breaker() {
    for (int i = 0; i < 5; ++i)
      submit(answered(500));
    REQUIRE(breaker().phase == breaker_phase::open);
    requests.clear();
  }

  send_test_webhook test_webhook() {
    return {corr, "replicate", "https://hooks.example/x"};
  }
};

} // namespace

// -- settings -----------------------------------------------------------------

TEST_CASE_METHOD(fixture, "stored settings act from the start",
                 "[provider_desk]") {
  REQUIRE(reads.size() == 1);
  CHECK(reads[0].prefix == "provider.");
  CHECK(!reads[0].ctx.correlation_id.empty());
  CHECK(config()["hardware_profile"] == "h100");
}

TEST_CASE_METHOD(fixture, "a changed setting acts at once and on all calls",
                 "[provider_desk][W5][W6]") {
  set("api_base_url", R"("https://other.example/v1")");
  set("version_override", R"("me/model:new")");
  set("http_timeout", "7");
  set("hardware_info", R"({"gpu-h100":{"cost_per_second":0.002}})");
  CHECK(prepare().input.version == "me/model:new");
  script = {answered(200, running)};
  const auto found = ask<provider_job_found>(aut, query("h100-x2"));
  CHECK(found.seen.cost_micros == int64_t{8'000});
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].url == "https://other.example/v1/predictions/p1");
  CHECK(requests[0].timeout == 7s);
  CHECK(reads.back().ctx.correlation_id == "corr-set");
  // What was set is gone: the file's again.
  stored.clear();
  set("max_runtime_minutes", "60");
  CHECK(prepare().input.version == "5f2");
  CHECK(prepare().longest_run == 1h);
}

TEST_CASE_METHOD(fixture, "a call for one host is not made again at another",
                 "[provider_desk][W5]") {
  script = {answered(503)};
  auto pending = self->request(aut, 60min, query());
  settle();
  REQUIRE(requests.size() == 1);
  set("api_base_url", R"("https://other.example/v1")");
  advance(10s);
  REQUIRE(self->has_next_message());
  pending.receive(
    [](const provider_job_found&) { FAIL("made for the other one"); },
    [](const caf::error& err) {
      CHECK(code_of(err) == ec::worker_restarting);
    });
  CHECK(requests.size() == 1);
}

TEST_CASE_METHOD(fixture, "a hint about other settings is not ours",
                 "[provider_desk]") {
  self->send(aut, settings_changed{corr, "queue."});
  settle();
  CHECK(reads.size() == 1);
  for (const auto* prefix : {"", "provider.", "provider.replicate.x"})
    self->send(aut, settings_changed{corr, prefix});
  settle();
  CHECK(reads.size() == 4);
}

TEST_CASE_METHOD(fixture, "while the store fails the file's settings stay",
                 "[provider_desk]") {
  test::log_capture log;
  store_failures = 7;
  read_at.clear();
  set("hardware_profile", R"("l40s")");
  CHECK(prepare().hardware_profile == "h100");
  advance(2min);
  CHECK(prepare().hardware_profile == "l40s");
  REQUIRE(read_at.size() == 8);
  const std::vector<caf::timespan> pauses{1s, 2s, 4s, 8s, 16s, 30s, 30s};
  for (size_t i = 0; i < pauses.size(); ++i)
    CHECK(read_at[i + 1] - read_at[i] == pauses[i]);
  CHECK(log.contains("WARNING",
                     "Reading provider settings failed, retrying in 1.00s: "
                     "database_error: disk full"));
}

TEST_CASE_METHOD(fixture, "an answer that settings have overtaken is not used",
                 "[provider_desk]") {
  store_is_slow = true;
  set("hardware_profile", R"("l40s")");
  set("hardware_profile", R"("l40s-x8")");
  ask<settings_found>(store, put_settings{corr, {}, {}});
  settle();
  CHECK(prepare().hardware_profile == "l40s-x8");
}

TEST_CASE_METHOD(fixture, "a store that does not answer is asked again",
                 "[provider_desk]") {
  store_is_slow = true;
  set("hardware_profile", R"("l40s")");
  store_is_slow = false;
  advance(12s);
  CHECK(prepare().hardware_profile == "l40s");
}

TEST_CASE_METHOD(fixture, "a setting that cannot be read is said",
                 "[provider_desk]") {
  test::log_capture log;
  set("hardware_profile", R"("h200")");
  CHECK(log.contains("WARNING", "Provider setting not used: "
                                "provider.replicate.hardware_profile: want"));
  CHECK(prepare().hardware_profile == "h100");
  log.clear();
  self->send(aut, settings_changed{corr, "provider."});
  settle();
  CHECK(log.lines().empty()); // once
}

TEST_CASE_METHOD(fixture, "version and profile are those of the request",
                 "[provider_desk][W5]") {
  set("hardware_profile", R"("l40s-x2")");
  const auto plain = prepare();
  CHECK(plain.hardware_profile == "l40s-x2");
  CHECK(plain.rate_nanos_per_second == 2 * 972'222);
  CHECK(plain.longest_run == 30min);
  const auto asked = prepare("h100-x8");
  CHECK(asked.hardware_profile == "h100-x8");
  CHECK(asked.rate_nanos_per_second == 8 * 1'525'000);
  CHECK(prepare().hardware_profile == "l40s-x2");
}

TEST_CASE_METHOD(fixture, "how calls travel is set for all of them",
                 "[provider_desk][W6]") {
  CHECK(settings.network.get()->ssl_verify);
  set("ssl_verify", "false");
  set("proxy_url", R"("http://proxy:3128")");
  CHECK(!settings.network.get()->ssl_verify);
  CHECK(settings.network.get()->proxy_url == "http://proxy:3128");
  // Also what is not shown.
  set("proxy_url", R"("http://me:old@proxy:3128")");
  set("proxy_url", R"("http://me:new@proxy:3128")");
  CHECK(settings.network.get()->proxy_url == "http://me:new@proxy:3128");
}

TEST_CASE_METHOD(fixture, "a gateway without a store uses the file's settings",
                 "[provider_desk]") {
  aut = spawn(provider_gateway, settings, client, settings_store_actor{});
  self->send(aut, settings_changed{corr, "provider."});
  CHECK(prepare().hardware_profile == "h100");
}

// -- questions ----------------------------------------------------------------

TEST_CASE_METHOD(fixture, "the providers and their settings are told",
                 "[provider_desk][W4]") {
  set("webhook_url", R"("https://us")");
  const auto list = ask<provider_list>(aut, get_providers{corr});
  CHECK(list.ctx.correlation_id == "corr-1");
  REQUIRE(list.providers.size() == 1);
  const auto& x = list.providers[0];
  CHECK(x.name == "replicate");
  CHECK(x.is_configured);
  CHECK(x.base_url == "https://api.replicate.com/v1");
  CHECK(x.webhook_url == "https://us/api/webhooks/replicate");
  CHECK(x.default_hardware_profile == "h100");
  CHECK(config()["webhook_url"] == x.webhook_url);
  CHECK(config()["api_token"] == "***");
  CHECK(config().dump().find("r8_x") == std::string::npos);
  CHECK(code_of(ask_error<provider_config_found>(
          aut, get_provider_config{corr, "nobody"}))
        == ec::unknown_provider);
}

TEST_CASE_METHOD(fixture, "a credential is shown to the provider",
                 "[provider_desk][L3]") {
  const auto good = validate(answered(
    200, R"({"type":"organization","username":"acme","name":"Acme","x":"y"})"));
  CHECK(good.valid);
  CHECK(
    json::parse(good.user_info)
    == json{{"type", "organization"}, {"username", "acme"}, {"name", "Acme"}});
  CHECK(good.error.empty());
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].url == "https://api.replicate.com/v1/account");
  CHECK(requests[0].ctx.correlation_id == "corr-1");
}

TEST_CASE_METHOD(fixture, "a refused credential is an answer",
                 "[provider_desk][W4]") {
  const auto bad = validate(answered(401, R"({"detail":"no: r8_x"})"));
  CHECK(!bad.valid);
  CHECK(bad.user_info.empty());
  CHECK(bad.error == "provider_unavailable: HTTP 401: no: ***");
  CHECK(!validate(answered(200, "<html>")).valid);
  CHECK(code_of(
          ask_error<provider_validated>(aut, validate_provider{corr, "nobody"}))
        == ec::unknown_provider);
  open_breaker();
  const auto held
    = ask<provider_validated>(aut, validate_provider{corr, "replicate"});
  CHECK(!held.valid);
  CHECK(held.error
        == "provider_unavailable: circuit breaker 'replicate-api' is open");
}

TEST_CASE_METHOD(fixture, "without a credential nobody is asked",
                 "[provider_desk]") {
  settings.replicate.token.clear();
  aut = spawn(provider_gateway, settings, client, store);
  const auto x
    = ask<provider_validated>(aut, validate_provider{corr, "replicate"});
  CHECK(!x.valid);
  CHECK(!x.error.empty());
  CHECK(requests.empty());
  CHECK(
    !ask<provider_list>(aut, get_providers{corr}).providers[0].is_configured);
}

// -- the breaker --------------------------------------------------------------

TEST_CASE_METHOD(fixture, "an open breaker holds everything back unsent",
                 "[provider_desk][W6][Q8]") {
  open_breaker();
  advance(20s);
  const auto held = ask<submission_outcome>(aut, submission());
  CHECK(held.result == not_accepted); // uses up no attempt
  CHECK(held.retry_after == 40s);
  CHECK(held.ctx.correlation_id == "corr-1");
  CHECK(held.reason
        == "provider_unavailable: circuit breaker 'replicate-api' is open");
  for (const auto& err :
       {ask_error<provider_job_found>(aut, query()),
        ask_error<provider_job_page>(aut,
                                     list_provider_jobs{corr, "replicate"}),
        ask_error<provider_job_cancelled>(
          aut, cancel_provider_job{corr, "replicate", "p1"})}) {
    CHECK(code_of(err) == ec::provider_unavailable);
    CHECK(is_transient(err));
    CHECK(render(err)
          == "provider_unavailable: circuit breaker 'replicate-api' is open");
  }
  CHECK(requests.empty());
}

TEST_CASE_METHOD(fixture, "the breaker that holds back is the one shown",
                 "[provider_desk][W6]") {
  const auto fresh = breaker();
  CHECK(fresh.name == "replicate-api");
  CHECK(fresh.provider == "replicate");
  CHECK(fresh.phase == breaker_phase::closed);
  CHECK(!fresh.last_failure);
  submit(answered(201, running));
  for (int i = 0; i < 5; ++i)
    submit({http_transfer::lost});
  const auto failed_at = now();
  advance(15s);
  const auto open = breaker();
  CHECK(open.phase == breaker_phase::open);
  CHECK(open.failure_count == 5);
  CHECK(open.failures_total == 5);
  CHECK(open.successes_total == 1);
  CHECK(open.last_failure == failed_at);
  CHECK(open.retry_after == 45s);
}

TEST_CASE_METHOD(fixture, "no answer below 500 opens a breaker",
                 "[provider_desk][P9][W6]") {
  for (const int status : {400, 401, 402, 403, 404, 408, 422, 429, 302})
    for (int i = 0; i < 6; ++i) {
      submit(answered(status));
      advance(status == 429 ? 30s : 1s, 1s); // for which it keeps us back
    }
  for (int i = 0; i < 6; ++i)
    submit({.failure = make_error(ec::overloaded, "full")});
  CHECK(breaker().phase == breaker_phase::closed);
  CHECK(breaker().failures_total == 0);
  CHECK(settings.counts->provider_throttled.value() == 6);
  CHECK(settings.counts->provider_call_failures.value() == 0);
}

TEST_CASE_METHOD(fixture, "a breaker lets three probe and closes after two",
                 "[provider_desk][W6]") {
  test::log_capture log;
  open_breaker();
  advance(1min);
  for (int i = 0; i < 3; ++i)
    caf::anon_send(aut, query()); // hang
  settle();
  CHECK(requests.size() == 3);
  CHECK(breaker().phase == breaker_phase::half_open);
  CHECK(code_of(ask_error<provider_job_found>(aut, query()))
        == ec::provider_unavailable);
  CHECK(ask<submission_outcome>(aut, submission()).retry_after > 0s);
  CHECK(requests.size() == 3);
  answer_hanging(200, running);
  settle();
  CHECK(breaker().phase == breaker_phase::closed);
  CHECK(log.contains("WARNING", "Circuit breaker 'replicate-api' opening "
                                "after 5 failures: HTTP 500"));
  CHECK(log.contains("INFO", "Circuit breaker 'replicate-api' transitioning "
                             "from OPEN to HALF_OPEN"));
  CHECK(log.contains("INFO", "Circuit breaker 'replicate-api' closing after 2 "
                             "successful calls"));
  CHECK(log.lines_with("transitioning").size() == 1);
}

TEST_CASE_METHOD(fixture, "a failed probe opens the breaker again",
                 "[provider_desk][W6]") {
  test::log_capture log;
  open_breaker();
  advance(1min);
  CHECK(submit(answered(503)).result == in_doubt);
  CHECK(breaker().phase == breaker_phase::open);
  CHECK(breaker().retry_after == 60s);
  CHECK(log.contains("WARNING", "Circuit breaker 'replicate-api' opening "
                                "after failure in HALF_OPEN: HTTP 503"));
  script.clear();
  CHECK(ask<submission_outcome>(aut, submission()).result == not_accepted);
}

TEST_CASE_METHOD(fixture, "nothing is retried into an open breaker",
                 "[provider_desk][W6]") {
  test::log_capture log;
  for (int i = 0; i < 3; ++i)
    submit(answered(500));
  requests.clear();
  script = {answered(500), answered(502), answered(200, running)};
  const auto found = ask_for<provider_job_found>(query(), 10s);
  REQUIRE(!found);
  CHECK(code_of(found.error()) == ec::provider_error);
  CHECK(requests.size() == 2);
  CHECK(log.contains("ERROR", "All 2 attempts failed: HTTP 502"));
}

TEST_CASE_METHOD(fixture, "a call whose pause ends at an open breaker is over",
                 "[provider_desk][W6]") {
  script = {answered(500)};
  auto pending = self->request(aut, 60min, query());
  settle();
  for (int i = 0; i < 4; ++i)
    submit(answered(500));
  requests.clear();
  advance(2s);
  CHECK(requests.empty());
  ec code{};
  pending.receive([](provider_job_found&) {},
                  [&](caf::error& err) { code = code_of(err); });
  CHECK(code == ec::provider_unavailable);
}

TEST_CASE_METHOD(fixture, "calls are counted by how they end",
                 "[provider_desk][L5]") {
  submit(answered(201, running));
  submit(answered(500));
  submit({http_transfer::not_sent});
  submit(answered(429));
  const auto& counts = *settings.counts;
  CHECK(counts.provider_calls.value() == 4);
  CHECK(counts.provider_call_failures.value() == 2);
  CHECK(counts.provider_throttled.value() == 1);
}

// -- logs ---------------------------------------------------------------------

TEST_CASE_METHOD(fixture, "logs come with single jobs that are over or asked",
                 "[provider_desk][P4]") {
  const auto body = [](const char* status, json logs) {
    return json{{"id", "p1"}, {"status", status}, {"logs", std::move(logs)}};
  };
  const auto logs_of = [&](const json& prediction, bool with_logs) {
    script = {answered(200, prediction.dump())};
    auto x = query();
    x.with_logs = with_logs;
    return ask<provider_job_found>(aut, x).seen.logs;
  };
  CHECK(logs_of(body("succeeded", "a\nb\n"), false) == "a\nb\n");
  CHECK(logs_of(body("processing", "a\n"), false).empty());
  CHECK(logs_of(body("processing", "a\n"), true) == "a\n");
  CHECK(logs_of(body("succeeded", nullptr), true).empty());
  CHECK(logs_of(body("failed", 7), true).empty());
  script = {answered(
    200,
    json{{"next", nullptr}, {"results", {body("succeeded", "a\n")}}}.dump())};
  const auto page
    = ask<provider_job_page>(aut, list_provider_jobs{corr, "replicate"});
  REQUIRE(page.jobs.size() == 1);
  CHECK(page.jobs[0].logs.empty());
}

// -- test deliveries ----------------------------------------------------------

TEST_CASE_METHOD(fixture, "a test delivery is sent to the public only",
                 "[provider_desk][L3][W6]") {
  script = {answered(204, "")};
  const auto sent = ask<test_webhook_sent>(aut, test_webhook());
  CHECK(sent.success);
  CHECK(sent.status_code == 204);
  CHECK(sent.error.empty());
  CHECK(sent.ctx.correlation_id == "corr-1");
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].public_only);
  CHECK(requests[0].method == "POST");
  CHECK(requests[0].url == "https://hooks.example/x");
  CHECK(requests[0].timeout == 30s);
  CHECK(header(requests[0].headers, "authorization").empty());
  CHECK(json::parse(requests[0].body)["type"] == "test");
}

TEST_CASE_METHOD(fixture, "a failed test delivery is an answer",
                 "[provider_desk]") {
  script = {answered(302), {http_transfer::lost}};
  const auto elsewhere = ask<test_webhook_sent>(aut, test_webhook());
  CHECK(!elsewhere.success);
  CHECK(elsewhere.status_code == 302);
  CHECK(elsewhere.error == "HTTP 302");
  const auto lost = ask<test_webhook_sent>(aut, test_webhook());
  CHECK(!lost.success);
  CHECK(lost.status_code == 0);
  CHECK(lost.error == "broken wire");
  auto hanging_one = test_webhook();
  hanging_one.timeout = 5s;
  const auto silent = ask_for<test_webhook_sent>(hanging_one, 10s);
  REQUIRE(silent);
  CHECK(!silent->success);
  CHECK(!silent->error.empty());
}

TEST_CASE_METHOD(fixture, "a test delivery waits and tells how long",
                 "[provider_desk]") {
  auto pending = self->request(aut, 60min, test_webhook());
  advance(1'500ms);
  answer_hanging(200, "");
  settle();
  caf::timespan latency{0};
  pending.receive([&](test_webhook_sent& x) { latency = x.latency; },
                  [](caf::error&) {});
  CHECK(latency == 1'500ms);
}

TEST_CASE_METHOD(fixture, "a test delivery goes nowhere but https",
                 "[provider_desk][W4]") {
  const auto refused = [this](send_test_webhook x) {
    return code_of(ask_error<test_webhook_sent>(aut, x));
  };
  for (const auto* url :
       {"", "http://hooks.example/", "file:///etc/passwd", "https://",
        "https://me@hooks.example/", "https://a b/", "https:hooks.example"}) {
    auto x = test_webhook();
    x.url = url;
    INFO(url);
    CHECK(refused(x) == ec::validation_error);
  }
  for (const auto timeout : {0s, 61s}) {
    auto x = test_webhook();
    x.timeout = timeout;
    CHECK(refused(x) == ec::validation_error);
  }
  auto deleting = test_webhook();
  deleting.method = "DELETE";
  CHECK(refused(deleting) == ec::validation_error);
  auto nobody = test_webhook();
  nobody.provider = "nobody";
  CHECK(refused(nobody) == ec::unknown_provider);
  CHECK(requests.empty());
}
