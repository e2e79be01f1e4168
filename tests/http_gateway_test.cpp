#include "actors/support/http_server.hpp"

#include "tests/http_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const json plain = {{"config", {{"lr", 1}}}, {"dataloader_config", {{}}}};

} // namespace

// -- submissions --------------------------------------------------------------

TEST_CASE_METHOD(gateway_fixture,
                 "a submission is prepared, stored and answered",
                 "[http_gateway][L3][Q6]") {
  auto body = plain;
  body["config_name"] = "flux";
  body["user_id"] = 7;
  body["org_id"] = "acme";
  body["team_id"] = "vision";
  body["estimated_cost"] = 2.5;
  body["idempotency_key"] = "k";
  body["colour"] = "red";
  const auto reply = post("/api/cloud/jobs/submit?provider=replicate", body);
  REQUIRE(submitted.size() == 1);
  const auto& job = submitted[0].subject;
  CHECK(reply["success"] == true);
  CHECK(reply["job_id"] == job.id);
  CHECK(reply["status"] == "pending");
  CHECK(reply["queue_status"] == "pending");
  CHECK(reply["idempotent_hit"] == false);
  CHECK(reply["correlation_id"] == "corr-1");
  CHECK(reply["quota_warnings"] == json::array());
  CHECK(reply["warnings"] == json{"unknown field ignored: colour"});
  for (const auto* key : {"error", "upload_id", "cost_limit_warning",
                          "queue_position", "approval_id"})
    CHECK((reply.contains(key) && reply[key].is_null()));
  CHECK(job.id.size() == 16);
  CHECK(job.user_id == "7");
  CHECK(job.org_id == "acme");
  CHECK(job.team_id == "vision");
  CHECK(job.priority == 30);
  CHECK(job.hardware_type == "H100");
  CHECK(job.estimated_cost_micros == int64_t{2'500'000});
  CHECK(job.correlation_id == "corr-1");
  CHECK(submitted[0].input.version == "v1");
  CHECK(submitted[0].idempotency_key == "k");
  CHECK(submitted[0].request_hash.size() == 64);
  CHECK(submitted[0].ctx.fields.at("job_id") == job.id);
  CHECK(all_corr_1(of_providers));
  CHECK(all_corr_1(of_store));
  CHECK(all_corr_1(of_scheduler));
}

TEST_CASE_METHOD(gateway_fixture,
                 "the provider stands in the query, in the path or nowhere",
                 "[http_gateway]") {
  post("/api/cloud/jobs/submit?provider=a", plain);
  post("/api/cloud/b/submit", plain);
  post("/api/cloud/jobs/submit", plain);
  REQUIRE(prepared.size() == 3);
  CHECK(prepared[0].provider == "a");
  CHECK(prepared[1].provider == "b");
  CHECK(prepared[2].provider == "replicate");
}

TEST_CASE_METHOD(gateway_fixture,
                 "a submission tells its place once the queue knows it",
                 "[http_gateway][Q10]") {
  places["j1"] = 4;
  idempotent_hit = true;
  const auto reply = post("/api/cloud/jobs/submit", plain);
  CHECK(reply["queue_position"] == 4);
  CHECK(reply["idempotent_hit"] == true);
  CHECK(reply["job_id"] == "j1");
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].event_id == 42);
  stored.queue = queue_status::running;
  CHECK(post("/api/cloud/jobs/submit", plain)["queue_position"].is_null());
  CHECK(asked.size() == 1);
}

TEST_CASE_METHOD(gateway_fixture,
                 "a scheduler that is late costs the place, not the answer",
                 "[http_gateway]") {
  of_scheduler.silent = true;
  const auto id = begin({.method = "POST",
                         .target = "/api/cloud/jobs/submit",
                         .body = plain.dump()});
  CHECK(server->replies.count(id) == 0);
  advance(1s);
  const auto reply = answer_to(id);
  CHECK(reply.status == 200);
  CHECK(json::parse(reply.body)["queue_position"].is_null());
  caf::anon_send(scheduler, tick{});
  settle();
  CHECK(server->replies[id].size() == 1);
}

TEST_CASE("a submission is answered before the server answers for it",
          "[http_gateway]") {
  const http_gateway_settings x;
  CHECK(x.prepare_timeout + x.store_timeout + x.position_timeout
        < http_server::options{}.reply_timeout - 5s);
}

TEST_CASE_METHOD(gateway_fixture, "what comes too late is not submitted",
                 "[http_gateway][Q13]") {
  of_providers.silent = true;
  settings.prepare_timeout = 60s;
  start();
  const auto late = [this](caf::timespan after) {
    const auto id = begin({.method = "POST",
                           .target = "/api/cloud/jobs/submit",
                           .body = plain.dump()});
    advance(after);
    caf::anon_send(providers, tick{});
    settle();
    return answer_to(id);
  };
  CHECK(late(20s).status == 200);
  CHECK(submitted.size() == 1);
  const auto reply = late(21s);
  check_error(reply, 503, "service_unavailable");
  CHECK(json::parse(reply.body)["message"]
        == "no answer in time; nothing was submitted");
  CHECK(submitted.size() == 1);
}

TEST_CASE_METHOD(gateway_fixture, "a provider that does not answer is told so",
                 "[http_gateway]") {
  of_providers.silent = true;
  const auto id = begin({.method = "POST",
                         .target = "/api/cloud/jobs/submit",
                         .body = plain.dump()});
  advance(10s);
  const auto reply = answer_to(id);
  check_error(reply, 503, "service_unavailable");
  CHECK(json::parse(reply.body)["message"]
        == "no answer in time; nothing was submitted");
  of_providers.silent = false;
  of_providers.failure = make_error(ec::provider_error, "HTTP 500");
  const auto bad = call("POST", "/api/cloud/jobs/submit", plain.dump());
  check_error(bad, 502, "provider_api_error");
  CHECK(json::parse(bad.body)["message"] == "HTTP 500; nothing was submitted");
  CHECK(submitted.empty());
}

TEST_CASE_METHOD(gateway_fixture, "a known key needs no provider",
                 "[http_gateway][Q13]") {
  ec unknown = ec::validation_error;
  more_of_store = caf::message_handler{
    [this, &unknown](const submit_job& x) -> caf::result<job_submitted> {
      submitted.push_back(x);
      if (idempotent_hit)
        return job_submitted{x.ctx, stored, true, 42};
      return make_error(unknown, "as the store says");
    }};
  start();
  of_providers.failure = make_error(ec::provider_timeout, "no route");
  idempotent_hit = true;
  auto body = plain;
  check_error(call("POST", "/api/cloud/jobs/submit", body.dump()), 502,
              "provider_timeout");
  CHECK(submitted.empty());
  body["idempotency_key"] = "k";
  const auto reply = post("/api/cloud/jobs/submit", body);
  CHECK(reply["job_id"] == "j1");
  CHECK(reply["idempotent_hit"] == true);
  REQUIRE(submitted.size() == 1);
  CHECK(submitted[0].subject.id.empty()); // It must not become a job.
  CHECK(submitted[0].subject.user_id == "local");
  CHECK(submitted[0].idempotency_key == "k");
  CHECK(submitted[0].request_hash.size() == 64);
  idempotent_hit = false;
  const auto refused = call("POST", "/api/cloud/jobs/submit", body.dump());
  check_error(refused, 502, "provider_timeout");
  CHECK(json::parse(refused.body)["message"]
        == "no route; nothing was submitted");
  unknown = ec::conflict;
  check_error(call("POST", "/api/cloud/jobs/submit", body.dump()), 409,
              "conflict");
}

TEST_CASE_METHOD(gateway_fixture,
                 "a submission the provider refuses is 400 and not stored",
                 "[http_gateway]") {
  of_providers.failure = make_error(ec::validation_error, "version: want one");
  const auto reply = call("POST", "/api/cloud/jobs/submit", plain.dump());
  check_error(reply, 400, "validation_error");
  CHECK(json::parse(reply.body)["message"] == "version: want one");
  CHECK(submitted.empty());
}

TEST_CASE_METHOD(gateway_fixture,
                 "a key known with another request is a conflict",
                 "[http_gateway][Q13]") {
  of_store.failure = make_error(ec::conflict, "key k is known");
  check_error(call("POST", "/api/cloud/jobs/submit", plain.dump()), 409,
              "conflict");
}

TEST_CASE_METHOD(gateway_fixture,
                 "a commit that fails is told, without our insides",
                 "[http_gateway]") {
  of_store.failure = make_error(ec::database_error, "/var/lib: disk full");
  const auto reply = call("POST", "/api/cloud/jobs/submit", plain.dump());
  check_error(reply, 500, "database_error");
  CHECK(reply.body.find("/var/lib") == std::string::npos);
}

TEST_CASE_METHOD(gateway_fixture, "bad bodies reach nobody", "[http_gateway]") {
  check_error(call("POST", "/api/cloud/jobs/submit", "{"), 400,
              "validation_error");
  check_error(call("POST", "/api/cloud/jobs/submit"), 400, "validation_error");
  check_error(call("POST", "/api/cloud/jobs/submit", R"({"config":1})"), 400,
              "validation_error");
  check_error(call("POST", "/api/queue/concurrency", R"({"max_concurrent":0})"),
              400, "validation_error");
  CHECK(prepared.empty());
  CHECK(changed.empty());
}

// -- jobs ---------------------------------------------------------------------

TEST_CASE_METHOD(gateway_fixture,
                 "jobs are listed with their places and the true total",
                 "[http_gateway]") {
  places["j1"] = 2;
  const auto reply = get("/api/cloud/jobs?limit=10&status=pending&x=1");
  CHECK(reply["total"] == 3);
  CHECK(reply["jobs"][0]["job_id"] == "j1");
  CHECK(reply["jobs"][0]["queue_position"] == 2);
  CHECK(reply["warnings"].size() == 1);
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].limit == 10);
  CHECK(listed[0].status == job_status::pending);
  CHECK(listed[0].who.user_id == "local");
  CHECK(listed[0].who.level == caller_level::admin);
  check_error(call("GET", "/api/cloud/jobs?limit=0"), 400, "validation_error");
}

TEST_CASE_METHOD(gateway_fixture, "one job is shown with id and status on top",
                 "[http_gateway]") {
  const auto reply = get("/api/cloud/jobs/j1");
  CHECK(reply["job_id"] == "j1");
  CHECK(reply["status"] == "pending");
  CHECK(reply["job"]["user_id"] == "local");
}

TEST_CASE_METHOD(gateway_fixture,
                 "errors about a job have their documented codes",
                 "[http_gateway]") {
  of_store.failure = make_error(ec::job_not_found, "no job j9");
  check_error(call("GET", "/api/cloud/jobs/j9"), 404, "job_not_found");
  check_error(call("DELETE", "/api/cloud/jobs/j9"), 404, "job_not_found");
  of_store.failure = make_error(ec::permission_denied, "not yours");
  check_error(call("GET", "/api/cloud/jobs/j1"), 403, "permission_denied");
  of_store.failure = make_error(ec::conflict, "it is active");
  check_error(call("DELETE", "/api/cloud/jobs/j1"), 409, "invalid_job_state");
  of_scheduler.failure = make_error(ec::conflict, "it is over");
  check_error(call("POST", "/api/cloud/jobs/j1/cancel"), 409,
              "invalid_job_state");
  of_scheduler.failure = make_error(ec::provider_error, "500");
  check_error(call("POST", "/api/cloud/jobs/j1/cancel"), 502,
              "provider_api_error");
  of_scheduler.failure = make_error(ec::provider_throttled, "429");
  check_error(call("POST", "/api/cloud/jobs/j1/cancel"), 503,
              "provider_unavailable");
}

TEST_CASE_METHOD(gateway_fixture, "a job is cancelled by the scheduler",
                 "[http_gateway][L3]") {
  const auto reply = post("/api/cloud/jobs/j1/cancel", json::object());
  CHECK(
    reply
    == json({{"success", true}, {"job_id", "j1"}, {"status", "cancelled"}}));
  CHECK(all_corr_1(of_scheduler));
  CHECK(of_store.seen.empty());
}

TEST_CASE_METHOD(gateway_fixture, "a job is deleted by the store",
                 "[http_gateway]") {
  const auto reply = call("DELETE", "/api/cloud/jobs/j1");
  CHECK(json::parse(reply.body) == json({{"success", true}, {"job_id", "j1"}}));
}

// -- queue --------------------------------------------------------------------

TEST_CASE_METHOD(gateway_fixture, "the queue is listed with places and totals",
                 "[http_gateway]") {
  places["j1"] = 1;
  const auto reply = get("/api/queue?status=pending&limit=5");
  CHECK(reply["entries"][0]["job_id"] == "j1");
  CHECK(reply["entries"][0]["position"] == 1);
  CHECK(reply["total_pending"] == 1);
  CHECK(reply["total_running"] == 2);
  CHECK(queue_listed[0].limit == 5);
  check_error(call("GET", "/api/queue?status=odd"), 400, "validation_error");
}

TEST_CASE_METHOD(gateway_fixture, "statistics come with the limits",
                 "[http_gateway]") {
  const auto reply = get("/api/queue/stats");
  CHECK(reply["queue_depth"] == 1);
  CHECK(reply["by_user"]["local"] == 1);
  CHECK(reply["user_max_concurrent"] == 2);
}

TEST_CASE_METHOD(gateway_fixture, "limits are shown and changed",
                 "[http_gateway][Q9]") {
  CHECK(get("/api/queue/concurrency").size() == 6);
  const auto reply
    = post("/api/queue/concurrency", {{"max_concurrent", 9}, {"x", 1}});
  CHECK(reply["success"] == true);
  CHECK(reply["max_concurrent"] == 9);
  CHECK(reply["warnings"].size() == 1);
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].max_concurrent == 9);
  CHECK(!changed[0].user_max_concurrent);
  CHECK(changed[0].ctx.correlation_id == "corr-1");
}

// -- events -------------------------------------------------------------------

TEST_CASE_METHOD(gateway_fixture,
                 "a stream is handed over with head, filters and cursor",
                 "[http_gateway][L3]") {
  const auto id = begin({.method = "GET",
                         .target = "/api/events?types=a,b&job_id=j1",
                         .headers = {{"last-event-id", "17"}}});
  CHECK(server->replies.count(id) == 0);
  CHECK(server->handed_over == std::vector<uint64_t>{id});
  REQUIRE(streams.size() == 1);
  const auto& x = streams[0];
  CHECK(x.descriptor == 77);
  CHECK(x.client == "127.0.0.1");
  CHECK(x.types == std::vector<std::string>{"a", "b"});
  CHECK(x.job_id == "j1");
  CHECK(x.last_event_id == "17");
  CHECK(x.let_in_by);
  CHECK(x.ctx.correlation_id == "corr-1");
  CHECK(x.accepted
        == "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
           "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n"
           "X-Correlation-ID: corr-1\r\nConnection: close\r\n\r\n");
  CHECK(x.refused.starts_with("HTTP/1.1 503 "));
  CHECK(x.refused.find("Retry-After: ") != std::string::npos);
  const auto body = x.refused.substr(x.refused.find("\r\n\r\n") + 4);
  CHECK(json::parse(body)["error"] == "Connection limit reached");
  CHECK(x.refused.find("Content-Length: " + std::to_string(body.size()))
        != std::string::npos);
  CHECK(gate->size() == 0);
}

TEST_CASE_METHOD(gateway_fixture,
                 "no socket is handed over for a token that has gone meanwhile",
                 "[http_gateway][E2]") {
  http_call x{.method = "GET", .target = "/api/events"};
  x.id = 99;
  x.peer = "127.0.0.1";
  x.headers = {{"host", "localhost"}};
  gate->on_call(x);
  config::auth rules;
  rules.tokens = {{.name = "a", .sha256 = "1"}};
  while (server->replies.empty() && sched.has_job()) {
    sched.run_once();
    settings.auth.set(rules);
  }
  settle();
  REQUIRE(server->replies.count(99) == 1);
  check_error(server->replies[99][0], 401, "invalid_token");
  CHECK(server->handed_over.empty());
}

TEST_CASE_METHOD(gateway_fixture,
                 "no socket is handed to a broadcaster that is away",
                 "[http_gateway]") {
  caf::anon_send_exit(broadcaster, caf::exit_reason::kill);
  settle();
  check_error(call("GET", "/api/events"), 503, "service_unavailable");
  CHECK(server->handed_over.empty());
}

// -- health -------------------------------------------------------------------

TEST_CASE_METHOD(gateway_fixture, "it is alive whoever else is",
                 "[http_gateway]") {
  of_store.failure = make_error(ec::worker_restarting, "");
  of_supervisor.failure = of_store.failure;
  for (const auto* path : {"/health/live", "/api/cloud/health/live"})
    CHECK(get(path) == json({{"status", "ok"}}));
  CHECK(get("/health")
        == json({{"status", "healthy"}, {"mode", "standalone"}}));
}

TEST_CASE_METHOD(gateway_fixture, "it is ready once every worker runs",
                 "[http_gateway]") {
  for (const auto* path : {"/health/ready", "/api/cloud/health/ready"})
    CHECK(get(path) == json({{"status", "ready"}}));
  workers[0].phase = worker_phase::restarting;
  const auto reply = call("GET", "/health/ready");
  check_error(reply, 503, "not_ready");
  CHECK(reply.body.find("store") != std::string::npos);
  of_supervisor.silent = true;
  const auto id = begin({.method = "GET", .target = "/health/ready"});
  advance(2s);
  check_error(answer_to(id), 503, "not_ready");
}

TEST_CASE_METHOD(gateway_fixture, "only the database makes the whole unhealthy",
                 "[http_gateway]") {
  advance(90s);
  auto x = get("/api/cloud/health");
  CHECK(x["status"] == "healthy");
  CHECK(x["version"] == "1.2.3");
  CHECK(x["uptime_seconds"] == 90);
  CHECK(x["components"][0]["name"] == "database");
  CHECK(x["components"][0]["latency_ms"] == 0);
  std::vector<std::string> names;
  for (const auto& y : x["components"])
    names.push_back(y["name"]);
  CHECK(names
        == std::vector<std::string>{"database", "secrets",
                                    "circuit_breaker_replicate-api",
                                    "worker_store", "worker_http_gateway"});
  workers[1].phase = worker_phase::restarting;
  x = get("/api/cloud/health");
  CHECK(x["status"] == "degraded");
  CHECK(x["components"][4]["message"] == "restarting");
  of_store.failure = make_error(ec::database_error, "disk");
  x = get("/api/cloud/health?x=1");
  CHECK(x["status"] == "unhealthy");
  CHECK(x["warnings"].size() == 1);
}

TEST_CASE_METHOD(gateway_fixture,
                 "a database that does not answer is told in time",
                 "[http_gateway]") {
  of_store.silent = true;
  const auto id = begin({.method = "GET", .target = "/api/cloud/health"});
  advance(2s);
  CHECK(json::parse(answer_to(id).body)["status"] == "unhealthy");
}

TEST_CASE_METHOD(gateway_fixture, "workers are listed", "[http_gateway]") {
  workers[0].restarts = 2;
  workers[0].last_error = "boom";
  workers[0].mailbox_age = 1500ms;
  const auto reply = get("/api/tunerd/workers");
  CHECK(reply["workers"][0]
        == json({{"name", "store"},
                 {"state", "running"},
                 {"restarts", 2},
                 {"last_error", "boom"},
                 {"mailbox_age_seconds", 1.5}}));
  caf::anon_send_exit(supervisor, caf::exit_reason::kill);
  settle();
  check_error(call("GET", "/api/tunerd/workers"), 503, "service_unavailable");
}

// -- log ----------------------------------------------------------------------

TEST_CASE_METHOD(gateway_fixture, "a submission is logged as documented",
                 "[http_gateway][L2][L3]") {
  test::log_capture log;
  place_of_others = 4;
  auto body = plain;
  body["user_id"] = 7;
  body["estimated_cost"] = 2.5;
  const auto id
    = post("/api/cloud/jobs/submit", body)["job_id"].get<std::string>();
  INFO(log.messages());
  const auto submitted_lines = log.lines_with("Job submitted successfully");
  REQUIRE(submitted_lines.size() == 1);
  const auto& line = submitted_lines[0];
  CHECK(line.level == "INFO");
  CHECK(line.logger == "simpletuner.cloud.jobs");
  CHECK(line.extra.at("job_id") == id);
  CHECK(line.extra.at("provider") == "replicate");
  CHECK(line.extra.at("user_id") == "7");
  CHECK(line.extra.at("cost_estimate") == "2.5");
  const auto enqueued = log.lines_with(
    "Enqueued job " + id + " for user 7 at priority 30 (position 4)");
  REQUIRE(enqueued.size() == 1);
  CHECK(enqueued[0].level == "INFO");
  CHECK(enqueued[0].logger == "simpletuner.cloud.queue");
  CHECK(enqueued[0].extra.at("job_id") == id);
  for (const auto& x : log.lines())
    CHECK(x.correlation_id == "corr-1");
}

TEST_CASE_METHOD(gateway_fixture, "a repeated submission is not announced",
                 "[http_gateway][Q13]") {
  test::log_capture log;
  idempotent_hit = true;
  post("/api/cloud/jobs/submit", plain);
  CHECK(!log.contains("INFO", ""));
}

TEST_CASE_METHOD(gateway_fixture, "each request has one access line",
                 "[http_gateway][L3]") {
  test::log_capture log;
  call("GET", "/api/cloud/jobs/j1?a=b");
  call("GET", "/nowhere/j1");
  of_store.failure = make_error(ec::database_error, "disk full");
  advance(1s);
  call("GET", "/api/cloud/jobs/j1");
  std::vector<test::log_line> access;
  for (const auto& line : log.lines())
    if (line.message == "HTTP request")
      access.push_back(line);
  REQUIRE(access.size() == 3);
  CHECK(access[0].level == "DEBUG");
  CHECK(access[0].logger == "simpletuner.cloud.http");
  CHECK(access[0].extra
        == std::map<std::string, std::string>{{"method", "GET"},
                                              {"route", "/api/cloud/jobs/{id}"},
                                              {"client", "127.0.0.1"},
                                              {"status", "200"},
                                              {"duration_ms", "0"}});
  CHECK(access[1].level == "DEBUG");
  CHECK(access[1].extra.at("route") == "unmatched");
  CHECK(access[2].level == "WARNING");
  CHECK(access[2].extra.at("status") == "500");
  CHECK(log.contains("HTTP request failed"));
  for (const auto& line : log.lines())
    CHECK(line.correlation_id == "corr-1");
}

TEST_CASE_METHOD(gateway_fixture, "requests under way do not mix their ids",
                 "[http_gateway][L1]") {
  test::log_capture log;
  of_store.silent = true;
  for (const auto* id : {"a", "b", "c"})
    begin({.method = "GET", .target = "/api/cloud/jobs/j1"}, id);
  caf::anon_send(store, tick{});
  settle();
  for (const auto* id : {"a", "b", "c"})
    CHECK(log.with_correlation_id(id).size() == 1);
  CHECK(log.lines().size() == 3);
}

TEST_CASE_METHOD(gateway_fixture, "no line has what a client sent in secret",
                 "[http_gateway]") {
  test::log_capture log;
  auto body = plain;
  body["config"]["hf_token"] = "s3cret";
  body["webhook_url"] = "https://example.org/?key=s3cret";
  begin({.method = "POST",
         .target = "/api/cloud/jobs/submit?token=s3cret",
         .headers = {{"x-api-key", "s3cret"}, {"authorization", "s3cret"}},
         .body = body.dump()});
  begin({.method = "POST",
         .target = "/api/cloud/jobs/submit",
         .body = R"({"config": {"token": "s3cret)"});
  CHECK(log.lines().size() >= 4);
  for (const auto& line : log.lines())
    CHECK(line.text.find("s3cret") == std::string::npos);
}

TEST_CASE_METHOD(gateway_fixture, "an id made here is noted",
                 "[http_gateway][L3]") {
  test::log_capture log;
  gate->on_call({.id = ++last_id,
                 .method = "GET",
                 .target = "/health",
                 .headers = {{"host", "localhost"}}});
  settle();
  REQUIRE(server->replies[last_id].size() == 1);
  const auto id
    = header(server->replies[last_id][0].headers, "X-Correlation-ID");
  CHECK(log.contains("DEBUG", "New correlation id"));
  CHECK(log.with_correlation_id(id).size() == 2);
}

// -- trouble ------------------------------------------------------------------

TEST_CASE_METHOD(gateway_fixture, "while a worker restarts its callers get 503",
                 "[http_gateway][L6]") {
  const auto error = make_error(ec::worker_restarting, "store");
  of_store.failure = error;
  of_scheduler.failure = error;
  of_providers.failure = error;
  const std::vector<std::pair<const char*, const char*>> requests{
    {"GET", "/api/cloud/jobs"},
    {"GET", "/api/cloud/jobs/j1"},
    {"DELETE", "/api/cloud/jobs/j1"},
    {"POST", "/api/cloud/jobs/j1/cancel"},
    {"GET", "/api/queue"},
    {"GET", "/api/queue/stats"},
    {"GET", "/api/queue/concurrency"}};
  for (const auto& [method, target] : requests)
    check_error(call(method, target), 503, "service_unavailable");
  check_error(call("POST", "/api/cloud/jobs/submit", plain.dump()), 503,
              "service_unavailable");
  // CAF's own word for a receiver that is gone.
  of_store.failure = {};
  caf::anon_send_exit(store, caf::exit_reason::kill);
  settle();
  check_error(call("GET", "/api/cloud/jobs"), 503, "service_unavailable");
  CHECK(gate->size() == 0);
}

TEST_CASE_METHOD(gateway_fixture,
                 "an answer after the time-out changes nothing",
                 "[http_gateway]") {
  of_store.silent = true;
  const auto id = begin({.method = "GET", .target = "/api/cloud/jobs/j1"});
  CHECK(server->replies.count(id) == 0);
  CHECK(gate->size() == 1);
  advance(8s);
  check_error(answer_to(id), 503, "service_unavailable");
  caf::anon_send(store, tick{});
  settle();
  CHECK(server->replies[id].size() == 1);
  CHECK(gate->size() == 0);
}

TEST_CASE_METHOD(gateway_fixture,
                 "a crash answers what was under way, a restart serves again",
                 "[http_gateway]") {
  of_store.silent = true;
  const auto id = begin({.method = "GET", .target = "/api/cloud/jobs/j1"});
  crash();
  check_error(answer_to(id), 503, "service_unavailable");
  check_error(call("GET", "/health/live"), 503, "service_unavailable");
  of_store.silent = false;
  start();
  CHECK(get("/health/live")["status"] == "ok");
  CHECK(get("/api/cloud/jobs/j1")["job_id"] == "j1");
  CHECK(gate->size() == 0);
}

TEST_CASE_METHOD(gateway_fixture,
                 "the end of an old incarnation does not close the gate",
                 "[http_gateway]") {
  const auto old = aut;
  start();
  caf::anon_send_exit(old, caf::exit_reason::kill);
  settle();
  CHECK(get("/health/live")["status"] == "ok");
}

TEST_CASE_METHOD(gateway_fixture, "the gate bounds what is under way",
                 "[http_gateway][http_gate]") {
  gate = std::make_shared<call_gate>(
    world, call_gate::limits{.calls_max = 2, .bytes_max = 100});
  gate->serve(server);
  start();
  of_store.silent = true;
  begin({.method = "GET", .target = "/api/cloud/jobs/j1"});
  const auto second = begin({.method = "GET", .target = "/api/cloud/jobs/j1"});
  check_error(call("GET", "/health/live"), 503, "service_unavailable");
  caf::anon_send(store, tick{});
  settle();
  CHECK(answer_to(second).status == 200);
  CHECK(get("/health/live")["status"] == "ok");
  check_error(call("POST", "/api/queue/concurrency", std::string(101, ' ')),
              503, "service_unavailable");
  CHECK(call("POST", "/api/queue/concurrency", std::string(100, ' ')).status
        == 400);
}

TEST_CASE_METHOD(gateway_fixture, "a request without a correlation id gets one",
                 "[http_gateway][L3]") {
  const auto ask_with = [this](http_headers headers) {
    headers.emplace_back("host", "localhost");
    const auto id = ++last_id;
    gate->on_call({.id = id,
                   .method = "GET",
                   .target = "/api/cloud/jobs/j1",
                   .headers = std::move(headers)});
    settle();
    REQUIRE(server->replies[id].size() == 1);
    return header(server->replies[id][0].headers, "X-Correlation-ID");
  };
  const auto made = ask_with({});
  CHECK(made.size() == 12);
  CHECK(of_store.seen.back().correlation_id == made);
  const auto replaced = ask_with({{"x-correlation-id", "bad id\r\nX: y"}});
  CHECK(replaced.size() == 12);
  CHECK(replaced != made);
}

TEST_CASE_METHOD(gateway_fixture,
                 "what the server refuses by itself is a JSON error, too",
                 "[http_gateway][L3]") {
  for (const auto& [status, code] :
       std::map<int, const char*>{{400, "invalid_input"},
                                  {413, "payload_too_large"},
                                  {431, "invalid_input"},
                                  {503, "service_unavailable"},
                                  {504, "service_unavailable"}}) {
    const auto reply
      = gate->refuse(status, "why", {{"x-correlation-id", "corr-2"}});
    CHECK(reply.status == status);
    const auto body = json::parse(reply.body);
    CHECK(body["error"] == code);
    CHECK(body["detail"] == "why");
    CHECK(header(reply.headers, "X-Correlation-ID") == "corr-2");
  }
  CHECK(header(gate->refuse(400, "", {}).headers, "X-Correlation-ID").size()
        == 12);
}
