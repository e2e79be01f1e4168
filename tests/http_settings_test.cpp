#include "actors/http_gateway/provider_settings.hpp"

#include "tests/http_api_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// @returns the key that `body` is refused for; "" if it is taken.
std::string refused_key(const json& body) {
  const auto x = rest::parse_provider_settings("replicate", body.dump());
  const auto* bad = std::get_if<rest::refusal>(&x);
  if (bad != nullptr)
    CHECK(bad->status == 400);
  return bad == nullptr ? "" : bad->field;
}

} // namespace

// -- polling ------------------------------------------------------------------

TEST_CASE_METHOD(api_fixture, "the polling status tells who decided",
                 "[http_settings][P10][L3]") {
  CHECK(get("/api/cloud/polling/status")
        == json({{"is_active", true},
                 {"preference", nullptr},
                 {"interval_seconds", 30},
                 {"source", "setting"}}));
  stored_settings["cloud_job_polling_enabled"] = "false";
  CHECK(get("/api/cloud/polling/status")["preference"] == false);
  CHECK(all_corr_1(of_poller));
  CHECK(all_corr_1(of_store));
}

TEST_CASE_METHOD(api_fixture, "polling is set, stored and effective at once",
                 "[http_settings][P10][L3]") {
  test::log_capture log;
  for (const auto& value : std::vector<json>{true, false, nullptr}) {
    polling.is_active = value == true;
    const auto reply = call("PUT", "/api/cloud/polling/setting",
                            json({{"enabled", value}, {"x", 1}}).dump());
    CHECK(reply.status == 200);
    const auto body = json::parse(reply.body);
    CHECK(body["success"] == true);
    CHECK(body["enabled"] == value);
    CHECK(body["is_active"] == (value == true));
    CHECK(body["warnings"].size() == 1);
    const auto& stored_as = put.back().values.at("cloud_job_polling_enabled");
    CHECK(stored_as.value_or("null") == value.dump());
    CHECK(log.contains("INFO", "Updated polling setting: " + value.dump()
                                 + " (active: "
                                 + (value == true ? "true)" : "false)")));
  }
  CHECK(refreshed == 3);
  CHECK(log.lines_with("Updated polling")[0].logger
        == "simpletuner.cloud.polling");
  CHECK(all_corr_1(of_poller));
}

TEST_CASE_METHOD(api_fixture, "a setting that is not stored is not announced",
                 "[http_settings]") {
  test::log_capture log;
  of_store.failure = make_error(ec::database_error, "disk");
  check_error(call("PUT", "/api/cloud/polling/setting", R"({"enabled":true})"),
              500, "database_error");
  CHECK(refreshed == 0);
  CHECK(!log.contains("Updated polling setting"));
  call("PUT", "/api/cloud/providers/replicate/config",
       R"({"ssl_verify":false})");
  CHECK(announced.empty());
}

// -- providers ----------------------------------------------------------------

TEST_CASE_METHOD(api_fixture,
                 "saved provider settings are stored and announced",
                 "[http_settings][W7][L3]") {
  config = R"({"webhook_url":"https://a.example/x","ssl_verify":true})";
  const json body = {{"webhook_url", nullptr},
                     {"cost_limit_amount", 12.5},
                     {"webhook_allowed_ips", {"10.0.0.0/8", "::1"}},
                     {"colour", 1}};
  for (const auto* path : {"/api/cloud/providers/replicate/config",
                           "/api/cloud/providers/replicate"}) {
    const auto reply = call("PUT", path, body.dump());
    REQUIRE(reply.status == 200);
    const auto answer = json::parse(reply.body);
    CHECK(answer["provider"] == "replicate");
    CHECK(answer["config"]["cost_limit_amount"] == 12.5);
    CHECK(answer["config"]["ssl_verify"] == true);
    CHECK(answer["warnings"] == json{"unknown field ignored: colour"});
    const auto& values = put.back().values;
    REQUIRE(values.size() == 3);
    CHECK(!values.at("provider.replicate.webhook_url"));
    CHECK(*values.at("provider.replicate.cost_limit_amount") == "12.5");
    CHECK(*values.at("provider.replicate.webhook_allowed_ips")
          == R"(["10.0.0.0/8","::1"])");
    CHECK(put.back().who.level == caller_level::admin);
    CHECK(announced.back().prefix == "provider.replicate.");
    CHECK(announced.back().ctx.correlation_id == "corr-1");
  }
  CHECK(announced.size() == 2);
  CHECK(refreshed == 2);
}

TEST_CASE_METHOD(api_fixture, "nothing is stored for a provider that is none",
                 "[http_settings]") {
  check_error(call("PUT", "/api/cloud/providers/nope", R"({"org_id":1})"), 404,
              "not_found");
  check_error(call("GET", "/api/cloud/providers/nope/config"), 404,
              "not_found");
  check_error(call("GET", "/api/cloud/providers/nope/validate"), 404,
              "not_found");
  CHECK(put.empty());
}

TEST_CASE("each key of a provider has its type and range", "[http_settings]") {
  const std::vector<std::pair<const char*, std::vector<json>>> good{
    {"webhook_url", {"https://a.example/x?y=1", "http://a.lan:80", ""}},
    {"webhook_require_signature", {true, false}},
    {"webhook_allowed_ips", {json::array(), {"1.2.3.4", "10.0.0.0/8", "::/0"}}},
    {"version_override", {"owner/model:hash", ""}},
    {"hardware_profile", {"h100-x2", ""}},
    {"hardware_info",
     {json::object(),
      {{"gpu-h100", {{"name", "H100"}, {"cost_per_second", 0.0015}}}}}},
    {"cost_limit_enabled", {true}},
    {"cost_limit_amount", {0, 12.5, 1000000}},
    {"cost_limit_period", {"daily", "weekly", "monthly", "yearly"}},
    {"cost_limit_action", {"block", "warn"}},
    {"ssl_verify", {false}},
    {"ssl_ca_bundle", {"/etc/ssl/ca.pem"}},
    {"proxy_url", {"http://proxy:3128", "socks5h://proxy:1080", ""}},
    {"http_timeout", {1, 600}},
    {"org_id", {7, "acme"}},
    {"api_base_url", {"https://api.example/v1"}},
    {"max_runtime_minutes", {1, 10080}}};
  for (const auto& [key, values] : good) {
    for (const auto& value : values) {
      INFO(key << ": " << value);
      CHECK(refused_key({{key, value}}) == "");
      const auto x = std::get<rest::provider_settings>(
        rest::parse_provider_settings("p", json{{key, value}}.dump()));
      CHECK(json::parse(*x.values.at(key)) == value);
    }
    CHECK(refused_key({{key, nullptr}}) == "");
  }
  const std::vector<std::pair<const char*, std::vector<json>>> bad{
    {"webhook_url",
     {1, "a.example", "ftp://a", "https://", "https://u:p@a.example",
      "https://a b", "https://a\n", "https://" + std::string(2048, 'a')}},
    {"webhook_require_signature", {1, "true"}},
    {"webhook_allowed_ips",
     {"1.2.3.4", {"1.2.3"}, {1}, {"10.0.0.0/33"}, json(257, "::1")}},
    {"version_override", {1, std::string(257, 'x')}},
    {"hardware_profile", {"H100 x2", "../x", std::string(65, 'x')}},
    {"hardware_info",
     {1,
      {{"g", 1}},
      {{"g", {{"name", "x"}}}},
      {{"g", {{"name", "x"}, {"cost_per_second", -1}}}},
      {{"g", {{"name", "x"}, {"cost_per_second", "1"}}}}}},
    {"cost_limit_enabled", {"yes"}},
    {"cost_limit_amount", {-1, 1000001, "10"}},
    {"cost_limit_period", {"hourly", 1}},
    {"cost_limit_action", {"panic"}},
    {"ssl_verify", {"false"}},
    {"ssl_ca_bundle", {1, "a\x01"}},
    {"proxy_url", {"proxy:3128", "http://u:p@proxy"}},
    {"http_timeout", {0, 601, 1.5}},
    {"org_id", {1.5, json::array()}},
    {"api_base_url", {"", "x"}},
    {"max_runtime_minutes", {0, 10081}}};
  CHECK(good.size() == 17);
  CHECK(bad.size() == good.size());
  for (const auto& [key, values] : bad)
    for (const auto& value : values) {
      INFO(key << ": " << value);
      CHECK(refused_key({{key, value}}) == key);
    }
}

TEST_CASE("secrets are neither stored nor shown", "[http_settings][W4]") {
  for (const auto* key : {"api_token", "webhook_secret", "api_key", "password"})
    CHECK(refused_key({{key, "s3cret"}}) == key);
  const auto x = rest::shown_config(
    R"({"token":"s3cret","a":[{"secret":"s3cret"}],"ssl_verify":true})", {});
  CHECK(
    json::parse(x.dump())
    == json(
      {{"token", "***"}, {"a", {{{"secret", "***"}}}}, {"ssl_verify", true}}));
  CHECK(rest::shown_config("not json", {}).dump() == "{}");
  CHECK(rest::shown_url("https://u:p@a.example:8/x?key=1#y")
        == "https://a.example:8/x");
  CHECK(rest::shown_url("https://a.example") == "https://a.example");
  CHECK(rest::shown_url("").empty());
  CHECK(rest::shown_url("odd?x") == "odd");
}

TEST_CASE("no body makes the settings' parser fail", "[http_settings]") {
  constexpr unsigned seed = 5;
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const std::string whole
    = R"({"webhook_url":"https://a/","hardware_info":{"g":{"name":"x",)"
      R"("cost_per_second":1}},"webhook_allowed_ips":["::1"],"org_id":-7})";
  for (int i = 0; i < 3000; ++i) {
    auto body = whole;
    for (auto n = random() % 4; n > 0; --n)
      body[random() % body.size()] = R"({}[]",:0x-.e)"[random() % 12];
    const auto x = rest::parse_provider_settings("p", body);
    if (const auto* bad = std::get_if<rest::refusal>(&x))
      REQUIRE(bad->status == 400);
  }
}

TEST_CASE_METHOD(api_fixture, "providers are listed and their credential tried",
                 "[http_settings][W4]") {
  provider_summaries[0].webhook_url = "https://a.example/x?key=s3cret";
  provider_summaries[0].budgets = {{"create", 600, 60, 1500ms}};
  CHECK(get("/api/cloud/providers")["providers"][0]
        == json({{"name", "replicate"},
                 {"is_configured", true},
                 {"base_url", nullptr},
                 {"webhook_url", "https://a.example/x"},
                 {"default_hardware_profile", nullptr},
                 {"budgets",
                  {{{"kind", "create"},
                    {"per_minute", 600},
                    {"left", 60},
                    {"throttled_seconds", 1.5}}}}}));
  CHECK(get("/api/cloud/providers/replicate/validate")
        == json({{"valid", true},
                 {"user_info", {{"username", "u"}}},
                 {"error", nullptr}}));
}

TEST_CASE_METHOD(api_fixture, "the cost limit is told, also when it is off",
                 "[http_settings]") {
  auto x = get("/api/cloud/metrics/cost-limit");
  CHECK(x["enabled"] == true);
  CHECK(x["limit_amount"] == 10.0);
  CHECK(x["current_spend"] == 2.5);
  CHECK(x["percent_used"] == 25.0);
  CHECK(x["message"].is_null());
  cost.enabled = false;
  x = get("/api/metrics/cost-limit/status");
  CHECK(x["percent_used"].is_null());
  CHECK(x["limit_amount"].is_null());
  CHECK(x["current_spend"] == 2.5);
}

// -- webhooks -----------------------------------------------------------------

TEST_CASE_METHOD(api_fixture, "a signed delivery is applied without a token",
                 "[http_settings][W1][W2][L3]") {
  require_tokens();
  test::log_capture log;
  applied_next.updates = {{"status", "completed"}};
  applied_next.subject.correlation_id = "corr-of-job";
  // Byte for byte: the signature covers the spaces, too.
  const std::string body = "{ \"id\" : \"p1\" }\n";
  const auto id = begin({.method = "POST",
                         .target = "/api/webhooks/replicate",
                         .headers = {{"webhook-id", "d1"},
                                     {"host", "tunnel.example"},
                                     {"x-forwarded-for", "1.2.3.4"}},
                         .body = body,
                         .peer = "203.0.113.9"});
  CHECK(json::parse(answer_to(id).body)
        == json({{"status", "received"},
                 {"job_id", "j1"},
                 {"updates", {{"status", "completed"}}}}));
  REQUIRE(deliveries.size() == 1);
  CHECK(deliveries[0].body == body);
  CHECK(deliveries[0].address == "203.0.113.9");
  CHECK(header(deliveries[0].headers, "webhook-id") == "d1");
  CHECK(deliveries[0].ctx.correlation_id == "corr-1");
  REQUIRE(applied.size() == 1);
  CHECK(applied[0].provider == "replicate");
  CHECK(applied[0].delivery.delivery_id == "d1");
  CHECK(log.with_correlation_id("corr-of-job").size() == 1);
}

TEST_CASE_METHOD(api_fixture, "a repeated delivery is ignored and says so",
                 "[http_settings][W1]") {
  for (const auto* reason : {"duplicate", "unknown job"}) {
    applied_next.ignored = reason;
    const auto reply = call_as("", "POST", "/api/webhooks/replicate", "{}",
                               {{"webhook-id", "d1"}});
    CHECK(json::parse(reply.body)
          == json({{"status", "ignored"}, {"reason", reason}}));
  }
}

TEST_CASE_METHOD(api_fixture, "what nobody signed changes nothing",
                 "[http_settings][W1][W4]") {
  stored.external_id = "p1";
  check_error(call("POST", "/api/webhooks/replicate", "{}"), 401,
              "invalid_signature");
  CHECK(polled.empty());
  // Where that is allowed it makes us ask the provider.
  lax = true;
  stored.correlation_id = "corr-of-job";
  const auto reply = call("POST", "/api/webhooks/replicate", "{}");
  CHECK(json::parse(reply.body)
        == json({{"status", "ignored"}, {"reason", "unsigned"}}));
  CHECK(applied.empty());
  REQUIRE(polled.size() == 1);
  CHECK(polled[0].job_ids == std::vector<std::string>{"j1"});
  CHECK(polled[0].ctx.correlation_id == "corr-of-job");
  stored.external_id = "p2";
  call("POST", "/api/webhooks/replicate", "{}");
  CHECK(polled.size() == 1);
}

TEST_CASE_METHOD(api_fixture, "a webhook of an unknown provider is 404",
                 "[http_settings]") {
  check_error(call("POST", "/api/webhooks/nope", "{}"), 404, "not_found");
}

TEST_CASE_METHOD(api_fixture, "a test delivery is sent as asked",
                 "[http_settings]") {
  CHECK(post("/api/webhooks/test", {{"webhook_url", "https://a.example/"},
                                    {"provider", "p"},
                                    {"timeout", 5},
                                    {"method", "HEAD"}})
        == json({{"success", true},
                 {"latency_ms", 12},
                 {"status_code", 204},
                 {"error", nullptr},
                 {"method", "HEAD"}}));
  REQUIRE(tested.size() == 1);
  CHECK(tested[0].url == "https://a.example/");
  CHECK(tested[0].provider == "p");
  CHECK(tested[0].timeout == 5s);
  CHECK(tested[0].method == "HEAD");
}

// -- operators ----------------------------------------------------------------

TEST_CASE_METHOD(api_fixture, "workers are stopped, started and audited",
                 "[http_settings][L3][L6]") {
  require_tokens();
  const std::string poller_path = "/api/tunerd/workers/job_poller/";
  for (const auto* action : {"stop", "start"}) {
    const auto reply = call_as("t-admin", "POST", poller_path + action);
    CHECK(reply.status == 200);
    CHECK(json::parse(reply.body)["workers"].size() == 3);
    CHECK(controlled.back().name == "job_poller");
    CHECK(audited.back().action == std::string{"worker."} + action);
    CHECK(audited.back().subject == "job_poller");
    CHECK(audited.back().user_id == "u-admin");
    CHECK(audited.back().token == "admin");
    CHECK(audited.back().correlation_id == "corr-1");
  }
  check_error(call_as("t-admin", "POST", "/api/tunerd/workers/store/stop"), 409,
              "conflict");
  check_error(call_as("t-admin", "POST", "/api/tunerd/workers/nope/stop"), 404,
              "not_found");
  CHECK(audited.size() == 2);
  CHECK(all_corr_1(of_supervisor));
}

TEST_CASE_METHOD(api_fixture, "an act that cannot be audited is done and told",
                 "[http_settings]") {
  test::log_capture log;
  of_store.failure = make_error(ec::database_error, "disk");
  const auto x = post("/api/tunerd/workers/job_poller/stop", json::object());
  CHECK(x["success"] == true);
  CHECK(x["warnings"].size() == 1);
  CHECK(log.contains("WARNING", "Audit entry lost"));
}

TEST_CASE_METHOD(api_fixture, "each worker that has rounds can be refreshed",
                 "[http_settings][L3]") {
  const auto path = [](const std::string& worker) {
    return "/api/tunerd/workers/" + worker + "/refresh";
  };
  for (const auto* worker :
       {"job_poller", "approval_expirer", "queue_scheduler"})
    CHECK(post(path(worker), json::object())
          == json({{"success", true}, {"worker", worker}}));
  CHECK(refreshed == 1);
  CHECK(swept == 1);
  CHECK(dispatched == 1);
  CHECK(audited.size() == 3);
  check_error(call("POST", path("store")), 409, "conflict");
  check_error(call("POST", path("nope")), 404, "not_found");
  CHECK(all_corr_1(of_expirer));
}

TEST_CASE_METHOD(api_fixture, "a trace shows everything under one id",
                 "[http_settings][L3]") {
  trace.attempts = {{.id = 1,
                     .job_id = "j1",
                     .number = 1,
                     .state = attempt_state::accepted,
                     .external_id = "p1"}};
  trace.approvals = {request()};
  trace.events = {{.id = 9,
                   .type = "job_status_changed",
                   .job_id = "j1",
                   .data = R"({"status":"running"})"}};
  trace.audit = {{.id = 2, .user_id = "7", .action = "job.submit"}};
  const auto x = get("/api/tunerd/trace/abc.1");
  CHECK(x["correlation_id"] == "abc.1");
  CHECK(x["jobs"][0]["job_id"] == "j1");
  CHECK(x["attempts"][0]["state"] == "accepted");
  CHECK(x["attempts"][0]["external_id"] == "p1");
  CHECK(x["approvals"][0]["id"] == 5);
  CHECK(x["events"][0]["data"]["status"] == "running");
  CHECK(x["audit"][0]["action"] == "job.submit");
  CHECK(x["audit"][0]["user_id"] == 7);
  trace = {};
  check_error(call("GET", "/api/tunerd/trace/abc.1"), 404, "not_found");
}
