#include "actors/http_gateway/http_statistics.hpp"
#include "actors/http_gateway/metrics_text.hpp"

#include "tests/http_api_fixture.hpp"

#include <sstream>

using namespace tunerd;
using namespace tunerd::test;
using namespace std::chrono_literals;

namespace {

/// A page as Prometheus reads it: "name{label="value"}" to value.
struct scraped {
  std::map<std::string, double> samples;
  std::map<std::string, std::string> types;

  double at(const std::string& key) const {
    INFO(key);
    REQUIRE(samples.count(key) == 1);
    return samples.at(key);
  }
  bool has(const std::string& key) const {
    return samples.count(key) > 0;
  }
};

/// Reads a page strictly: a family is announced before its samples and once,
/// no sample stands twice, every line is one of the format.
scraped scrape(const std::string& page) {
  scraped out;
  std::istringstream in{page};
  std::string line, family;
  REQUIRE(page.ends_with("\n"));
  while (std::getline(in, line)) {
    INFO(line);
    if (line.starts_with("# HELP "))
      continue;
    if (line.starts_with("# TYPE ")) {
      const auto space = line.find(' ', 7);
      family = line.substr(7, space - 7);
      const auto type = line.substr(space + 1);
      REQUIRE((type == "counter" || type == "gauge"));
      REQUIRE(out.types.emplace(family, type).second);
      continue;
    }
    const auto space = line.rfind(' ');
    const auto key = line.substr(0, space);
    REQUIRE(key.substr(0, key.find('{')) == family);
    REQUIRE(out.samples.emplace(key, std::stod(line.substr(space + 1))).second);
  }
  return out;
}

struct metrics_fixture : api_fixture {
  scraped page(const char* path = "/metrics") {
    const auto reply = call("GET", path);
    CHECK(reply.status == 200);
    return scrape(reply.body);
  }
};

} // namespace

TEST_CASE("the text format is written as specified", "[http_metrics][L5]") {
  metrics_text out;
  out.gauge("a", "help\\ with\nbreak", 1);
  out.family("b_total", "counter", "h");
  out.sample("l", "quote\" slash\\ break\n end", int64_t{9'000'000'000});
  out.sample("l", "x", 0.5);
  CHECK(out.text()
        == "# HELP a help\\\\ with\\nbreak\n# TYPE a gauge\na 1\n"
           "# HELP b_total h\n# TYPE b_total counter\n"
           "b_total{l=\"quote\\\" slash\\\\ break\\n end\"} 9000000000\n"
           "b_total{l=\"x\"} 0.5\n");
}

TEST_CASE("numbers are exact and never localised", "[http_metrics]") {
  metrics_text out;
  out.gauge("a", "h", 1e-7);
  out.gauge("b", "h", 0.1);
  out.gauge("c", "h", std::numeric_limits<double>::infinity());
  out.gauge("d", "h", std::numeric_limits<uint64_t>::max());
  const auto has = [&out](const char* line) {
    return out.text().find(line) != std::string::npos;
  };
  CHECK(has("\na 1e-07\n"));
  CHECK(has("\nb 0.1\n"));
  CHECK(has("\nc +Inf\n"));
  CHECK(has("\nd 18446744073709551615\n"));
}

TEST_CASE("statistics are bounded by the route table", "[http_metrics][L5]") {
  http_statistics out;
  out.add("GET", "/api/cloud/jobs", 200, 10ms);
  out.add("GET", "/api/cloud/jobs", 404, 30ms);
  for (int i = 0; i < 1000; ++i)
    out.add("BREW" + std::to_string(i), "unmatched", 404, 0ms);
  out.add("GET", "/made/up", 200, 0ms);
  const auto lines = out.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].endpoint == "unmatched");
  CHECK(lines[0].calls == 1001);
  CHECK(lines[1].endpoint == "GET_/api/cloud/jobs");
  CHECK(lines[1].calls == 2);
  CHECK(lines[1].took == 40ms);
  CHECK(lines[1].errors == std::map<int, int64_t>{{404, 1}});
}

TEST_CASE_METHOD(metrics_fixture, "every documented metric is on the page",
                 "[http_metrics][L5]") {
  call("GET", "/api/cloud/jobs/j1");
  call("GET", "/nowhere");
  sums.average_duration = 90s;
  sums.audit_entries = 12;
  sums.audit_entries_24h = 3;
  for (const auto* path : {"/metrics", "/api/metrics/prometheus",
                           "/api/cloud/metrics/prometheus"}) {
    const auto x = page(path);
    for (const auto* name : {"uptime_seconds",
                             "health_database_latency_ms",
                             "health_component_status",
                             "jobs_total",
                             "jobs_by_status",
                             "jobs_active",
                             "job_duration_seconds_avg",
                             "cost_usd_total",
                             "cost_total_usd",
                             "http_requests_total",
                             "http_errors_total",
                             "http_request_latency_ms_avg",
                             "rate_limit_violations_total",
                             "rate_limit_tracked_clients",
                             "approval_requests_pending",
                             "approval_requests_by_status",
                             "audit_log_entries_total",
                             "audit_log_entries_24h",
                             "circuit_breaker_state",
                             "circuit_breaker_failures_total",
                             "circuit_breaker_successes_total",
                             "cost_limit_percent_used"}) {
      INFO(name);
      CHECK(x.types.count(std::string{"simpletuner_"} + name) == 1);
    }
    for (const auto& [name, type] : x.types)
      CHECK((name.starts_with("simpletuner_") || name.starts_with("tunerd_")));
  }
  const auto x = page();
  CHECK(x.at("simpletuner_jobs_total") == 5);
  CHECK(x.at("simpletuner_jobs_active") == 2);
  CHECK(x.at("simpletuner_jobs_by_status{status=\"completed\"}") == 3);
  CHECK(x.at("simpletuner_job_duration_seconds_avg") == 90);
  CHECK(x.at("simpletuner_cost_usd_total") == 2.5);
  CHECK(x.at("simpletuner_cost_total_usd") == 2.5);
  CHECK(x.at("simpletuner_audit_log_entries_total") == 12);
  CHECK(x.at("simpletuner_cost_limit_percent_used{provider=\"replicate\"}")
        == 25);
  CHECK(x.at("simpletuner_approval_requests_pending") == 1);
  CHECK(x.at("simpletuner_health_component_status{component=\"database\"}")
        == 1);
}

TEST_CASE_METHOD(metrics_fixture, "metrics move with what they count",
                 "[http_metrics][L5]") {
  test::log_capture log;
  const auto before = page();
  auto& counts = *settings.counts;
  counts.poll_cycles.add(3);
  counts.poll_failures.add();
  counts.poll_lag_ms.set(40);
  counts.dispatches.add(2);
  counts.attempts_in_doubt.add();
  counts.approvals_expired.add(7);
  counts.approval_lateness_ms.set(12);
  counts.subscribers.set(4);
  counts.gaps.add();
  counts.event_streamed.set(90);
  sums.event_head = 100;
  sums.longest_wait = 61s;
  workers[0].restarts = 2;
  workers[0].mailbox_age = 250ms;
  advance(10s);
  call("GET", "/api/cloud/jobs/j1");
  of_store.failure = make_error(ec::job_not_found, "");
  call("GET", "/api/cloud/jobs/j2");
  of_store.failure = {};
  const auto x = page();
  CHECK(x.at("tunerd_poll_cycles_total") == 3);
  CHECK(x.at("tunerd_poll_failures_total") == 1);
  CHECK(x.at("tunerd_poll_lag_ms") == 40);
  CHECK(x.at("tunerd_dispatches_total") == 2);
  CHECK(x.at("tunerd_attempts_in_doubt_total") == 1);
  CHECK(x.at("tunerd_approvals_expired_total") == 7);
  CHECK(x.at("tunerd_approval_lateness_ms") == 12);
  CHECK(x.at("tunerd_subscribers") == 4);
  CHECK(x.at("tunerd_event_gaps_total") == 1);
  CHECK(x.at("tunerd_event_lag") == 10);
  CHECK(x.at("tunerd_queue_wait_seconds_max") == 61);
  CHECK(x.at("tunerd_worker_restarts_total{worker=\"store\"}") == 2);
  CHECK(x.at("tunerd_worker_mailbox_age_seconds{worker=\"store\"}") == 0.25);
  CHECK(x.at("tunerd_log_lines_total") > before.at("tunerd_log_lines_total"));
  CHECK(x.has("tunerd_log_dropped_total"));
  CHECK(x.at("simpletuner_uptime_seconds")
        == before.at("simpletuner_uptime_seconds") + 10);
  const std::string show = "GET_/api/cloud/jobs/{id}";
  CHECK(x.at("simpletuner_http_requests_total{endpoint=\"" + show + "\"}")
        == 2);
  CHECK(
    x.at("simpletuner_http_errors_total{endpoint_status=\"" + show + "_404\"}")
    == 1);
  // The page counts itself, and the gate what nobody served.
  CHECK(x.at("simpletuner_http_requests_total{endpoint=\"GET_/metrics\"}")
        == 1);
  crash();
  call("GET", "/api/cloud/jobs/j1");
  start();
  const auto later = page();
  CHECK(later.at("simpletuner_http_errors_total{endpoint_status="
                 "\"unmatched_503\"}")
        == 1);
  CHECK(later.at("simpletuner_http_requests_total{endpoint=\"" + show + "\"}")
        == 2);
}

TEST_CASE_METHOD(metrics_fixture, "refused calls are counted by their route",
                 "[http_metrics][L5]") {
  require_tokens();
  call("GET", "/api/cloud/jobs");
  begin({.method = "GET",
         .target = "/api/queue",
         .headers = {{"origin", "https://evil.example"}}});
  const auto lines = gate->statistics().lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].errors == std::map<int, int64_t>{{401, 1}});
  CHECK(lines[1].errors == std::map<int, int64_t>{{403, 1}});
}

TEST_CASE_METHOD(metrics_fixture,
                 "who does not answer is left out, the page is there",
                 "[http_metrics][L5][L6]") {
  const auto away = make_error(ec::worker_restarting, "");
  of_store.failure = away;
  auto x = page();
  CHECK(!x.has("simpletuner_jobs_total"));
  CHECK(x.at("simpletuner_health_component_status{component=\"database\"}")
        == 0);
  CHECK(x.has("tunerd_poll_cycles_total"));
  of_store.failure = {};
  of_providers.failure = away;
  x = page();
  CHECK(x.has("simpletuner_jobs_total"));
  CHECK(x.types.count("simpletuner_circuit_breaker_state") == 0);
  of_providers.failure = {};
  provider_summaries[0].budgets
    = {{"create", 600, 60}, {"other", 3000, 7, 1500ms}};
  x = page();
  CHECK(x.at("tunerd_provider_creates_left{provider=\"replicate\"}") == 60);
  CHECK(x.at("tunerd_provider_calls_left{provider=\"replicate\"}") == 7);
  CHECK(x.at("tunerd_provider_throttled_seconds{provider=\"replicate\"}")
        == 1.5);
  of_poller.failure = away;
  CHECK(!page().has("tunerd_polling_active"));
  of_supervisor.silent = true;
  of_providers.silent = true;
  const auto id = begin({.method = "GET", .target = "/metrics"});
  CHECK(server->replies.count(id) == 0);
  advance(2s);
  x = scrape(answer_to(id).body);
  CHECK(x.at("simpletuner_health_component_status{component=\"supervisor\"}")
        == 0.5);
  CHECK(gate->size() == 0);
  // Late answers change nothing.
  caf::anon_send(providers, tick{});
  settle();
  CHECK(server->replies[id].size() == 1);
}

TEST_CASE_METHOD(metrics_fixture, "one breaker is shown everywhere alike",
                 "[http_metrics][W6]") {
  breakers[0] = {.name = "replicate-api",
                 .provider = "replicate",
                 .phase = breaker_phase::open,
                 .failure_count = 5,
                 .failures_total = 9,
                 .successes_total = 40,
                 .last_failure = now(),
                 .retry_after = 30s};
  for (const auto* path :
       {"/api/cloud/circuit-breakers", "/api/metrics/circuit-breakers"}) {
    const auto x = get(path);
    CHECK(x["total"] == 1);
    CHECK(x["circuit_breakers"][0]
          == json({{"name", "replicate-api"},
                   {"state", "open"},
                   {"failure_count", 5},
                   {"success_count", 0},
                   {"last_failure", utc_text(now())},
                   {"retry_after", 30.0}}));
  }
  const auto health = get("/api/cloud/health");
  CHECK(health["status"] == "degraded");
  CHECK(health["components"][2]["name"] == "circuit_breaker_replicate-api");
  CHECK(health["components"][2]["status"] == "unhealthy");
  provider_summaries.push_back({.name = "simpletuner_io"});
  const auto x = page();
  CHECK(x.at("simpletuner_circuit_breaker_state{provider=\"replicate\"}") == 2);
  CHECK(x.at("simpletuner_circuit_breaker_state{provider=\"simpletuner_io\"}")
        == -1);
  CHECK(
    x.at("simpletuner_circuit_breaker_failures_total{provider=\"replicate\"}")
    == 9);
  CHECK(
    x.at("simpletuner_circuit_breaker_successes_total{provider=\"replicate\"}")
    == 40);
}

TEST_CASE_METHOD(metrics_fixture, "several breakers of a provider are one line",
                 "[http_metrics][W6]") {
  breakers = {{.name = "simpletuner-io-api",
               .provider = "simpletuner_io",
               .failures_total = 1},
              {.name = "simpletuner-io-auth",
               .provider = "simpletuner_io",
               .phase = breaker_phase::half_open,
               .failures_total = 2}};
  const auto x = page();
  CHECK(x.at("simpletuner_circuit_breaker_state{provider=\"simpletuner_io\"}")
        == 1);
  CHECK(x.at("simpletuner_circuit_breaker_failures_total{provider="
             "\"simpletuner_io\"}")
        == 3);
}

TEST_CASE_METHOD(metrics_fixture, "names from outside are escaped",
                 "[http_metrics][L5]") {
  provider_summaries = {{.name = "a\"b\\c\nd"}};
  breakers = {{.name = "x", .provider = "a\"b\\c\nd"}};
  CHECK(page().has(
    "simpletuner_circuit_breaker_state{provider=\"a\\\"b\\\\c\\nd\"}"));
}

TEST_CASE_METHOD(metrics_fixture, "health names what is missing",
                 "[http_metrics][W6]") {
  provider_summaries[0].is_configured = false;
  auto x = get("/api/cloud/health");
  CHECK(x["status"] == "degraded");
  CHECK(x["components"][1]
        == json({{"name", "secrets"},
                 {"status", "degraded"},
                 {"message", "no token for replicate"}}));
  provider_summaries[0].is_configured = true;
  CHECK(get("/api/cloud/health")["components"].size() == 6);
  x = get("/api/cloud/health?include_providers=true");
  CHECK(x["status"] == "healthy");
  CHECK(x["components"].back()
        == json({{"name", "replicate_api"}, {"status", "healthy"}}));
  // Strangers do not make us call out.
  require_tokens();
  x = get("/api/cloud/health?include_providers=true");
  CHECK(x["components"].size() == 6);
  CHECK(x["warnings"].size() == 1);
}

TEST_CASE_METHOD(metrics_fixture, "costs are shown to whom they concern",
                 "[http_metrics][cost_sums]") {
  cost_sums costs{{{"u-viewer", 1'500'000}, {"u-\"x\"\n", 9'000'000}},
                  {{"acme", 2'500'000}, {"other", 8'000'000}},
                  {{"2020-01-01", 10'500'000}}};
  costs.by_day[utc_text(now()).substr(0, 10)] = 250'000;
  sums.costs = costs;
  std::vector<caller> askers;
  more_of_store = caf::message_handler{[&](const get_queue_stats& x) {
                    askers.push_back(x.who);
                    return queue_stats{.ctx = x.ctx, .costs = costs};
                  }}.or_else(more_of_store);
  start();
  const auto stats = [this](const char* token) {
    const auto reply = call_as(token, "GET", "/api/queue/stats");
    REQUIRE(reply.status == 200);
    return json::parse(reply.body);
  };
  const auto metrics = [this](const char* token) {
    return scrape(call_as(token, "GET", "/metrics").body);
  };
  const std::string user = "tunerd_cost_usd_by_user{user=";
  const std::string org = "tunerd_cost_usd_by_org{org=";
  require_tokens();
  CHECK(stats("t-admin")["cost_by_user"].size() == 2);
  CHECK(stats("t-admin")["cost_by_org"]["other"] == 8.0);
  CHECK(stats("t-admin")["cost_by_day"]["2020-01-01"] == 10.5);
  CHECK(metrics("t-admin").at(user + "\"u-\\\"x\\\"\\n\"}") == 9.0);
  CHECK(metrics("t-admin").at(org + "\"acme\"}") == 2.5);
  CHECK(metrics("t-admin").at("tunerd_cost_usd_today") == 0.25);

  CHECK(stats("t-lead")["cost_by_user"].empty());
  CHECK(stats("t-lead")["cost_by_org"] == json{{"acme", 2.5}});
  CHECK(metrics("t-lead").has(org + "\"acme\"}"));
  CHECK(!metrics("t-lead").has(org + "\"other\"}"));
  CHECK(!metrics("t-lead").has("tunerd_cost_usd_today"));

  CHECK(stats("t-viewer")["cost_by_user"] == json{{"u-viewer", 1.5}});
  CHECK(stats("t-viewer")["cost_by_org"].empty());
  CHECK(metrics("t-viewer").has(user + "\"u-viewer\"}"));
  CHECK(!metrics("t-viewer").has(org + "\"acme\"}"));
  CHECK(metrics("t-viewer").types.count("tunerd_cost_usd_by_org") == 0);
  CHECK(metrics("t-viewer").types.count("tunerd_cost_usd_today") == 0);
  REQUIRE(!askers.empty());
  CHECK(askers.back().user_id == "u-viewer");
  CHECK(askers.back().level == caller_level::viewer);
}

TEST_CASE_METHOD(metrics_fixture, "costs are reported in USD",
                 "[http_metrics]") {
  const auto x = get("/api/metrics?days=7");
  CHECK(x["total_cost"] == 5.0);
  CHECK(x["job_count"] == 2);
  CHECK(x["avg_job_duration_seconds"] == 90.0);
  CHECK(x["cost_by_day"]
        == json::array({{{"date", "2024-01-15"}, {"cost", 5.0}}}));
  CHECK(x["period_days"] == 7);
  CHECK(x["credit_balance"].is_null());
}
