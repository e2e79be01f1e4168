#include "tests/http_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;
using namespace std::chrono_literals;

namespace {

const json plain = {{"config", {{"lr", 1}}}};

/// The HTTP GATEWAY with a poller and a scheduler that keep what they hear.
struct jobs_fixture : gateway_fixture {
  std::vector<poll_jobs> polled;
  std::vector<sync_provider_jobs> synced;
  std::vector<job> page;
  job_submitted accepted;

  jobs_fixture() {
    more_of_poller = caf::message_handler{[this](const poll_jobs& x) {
      polled.push_back(x);
      return respond(me(poller), of_poller, x.ctx, jobs_polled{x.ctx, 1});
    }};
    more_of_scheduler
      = caf::message_handler{[this](const sync_provider_jobs& x) {
          synced.push_back(x);
          return respond(me(scheduler), of_scheduler, x.ctx,
                         provider_jobs_synced{x.ctx, 3});
        }};
    start();
  }

  static caf::event_based_actor* me(const caf::actor& x) {
    return dynamic_cast<caf::event_based_actor*>(
      caf::actor_cast<caf::abstract_actor*>(x));
  }

  /// From now on a submission is answered as `change` wants.
  void accept_with(std::function<void(job_submitted&)> change) {
    more_of_store = caf::message_handler{[this, change](const submit_job& x) {
      submitted.push_back(x);
      job_submitted done{x.ctx, x.subject};
      change(done);
      return done;
    }};
    start();
  }

  void list(std::vector<job> jobs) {
    page = std::move(jobs);
    more_of_store = caf::message_handler{[this](const list_jobs& x) {
      listed.push_back(x);
      return job_list{x.ctx, page, 9};
    }};
    start();
  }
};

job active(std::string id, std::string external_id) {
  return {.id = std::move(id),
          .provider = "replicate",
          .status = job_status::running,
          .queue = queue_status::running,
          .external_id = std::move(external_id)};
}

} // namespace

TEST_CASE_METHOD(jobs_fixture, "what a submission wants reaches the store",
                 "[http_gateway][A1][W5]") {
  more_of_providers = caf::message_handler{[](const prepare_job& x) {
    return job_prepared{x.ctx, {"v1"}, "h100-x8", "8x H100", 12'200'000, 2h};
  }};
  start();
  auto body = plain;
  body["requires_approval"] = true;
  body["approval_deadline_seconds"] = 3;
  body["snapshot_name"] = "before";
  body["snapshot_message"] = "line one\nline two";
  body["tracker_run_name"] = "run-7";
  body["upload_id"] = "up1";
  const auto reply = post("/api/cloud/jobs/submit", body);
  CHECK(reply["upload_id"] == "up1");
  CHECK(reply["warnings"].empty());
  REQUIRE(submitted.size() == 1);
  const auto& command = submitted[0];
  CHECK(command.requires_approval);
  CHECK(command.approval_deadline == caf::timespan{3s});
  CHECK(command.who.user_id == "local");
  CHECK(command.who.level == caller_level::admin);
  CHECK(command.rate_nanos_per_second == 12'200'000);
  CHECK(command.longest_run == 2h);
  CHECK(json::parse(command.subject.metadata)
        == json{{"snapshot_name", "before"},
                {"snapshot_message", "line one\nline two"},
                {"tracker_run_name", "run-7"},
                {"upload_id", "up1"}});
}

TEST_CASE_METHOD(jobs_fixture, "a requested runtime is kept and bounded",
                 "[http_gateway]") {
  auto body = plain;
  body["max_runtime_minutes"] = 30;
  CHECK(post("/api/cloud/jobs/submit", body)["warnings"].empty());
  REQUIRE(submitted.size() == 1);
  CHECK(submitted[0].input.max_runtime == 30min);
  body["max_runtime_minutes"] = 31; // the provider allows 30
  const auto reply = call("POST", "/api/cloud/jobs/submit", body.dump());
  check_error(reply, 400, "validation_error");
  CHECK(reply.body.find("max_runtime_minutes: want 1 to 30")
        != reply.body.npos);
  for (const auto& wrong : {json(0), json(10'081), json("5"), json(1.5)}) {
    body["max_runtime_minutes"] = wrong;
    check_error(call("POST", "/api/cloud/jobs/submit", body.dump()), 400,
                "validation_error");
  }
  CHECK(submitted.size() == 1);
  post("/api/cloud/jobs/submit", plain);
  CHECK(submitted[1].input.max_runtime == 0min);
}

TEST_CASE_METHOD(jobs_fixture, "who submits for others is not who owns the job",
                 "[http_gateway][A6]") {
  auto body = plain;
  body["user_id"] = 7;
  post("/api/cloud/jobs/submit", body);
  REQUIRE(submitted.size() == 1);
  CHECK(submitted[0].subject.user_id == "7");
  CHECK(submitted[0].who.user_id == "local");
  CHECK(submitted[0].subject.metadata == "{}");
  CHECK(!submitted[0].requires_approval);
  CHECK(!submitted[0].approval_deadline);
}

TEST_CASE_METHOD(jobs_fixture, "a submission that waits for approval says so",
                 "[http_gateway][A1]") {
  accept_with([](job_submitted& done) {
    done.subject.queue = queue_status::blocked;
    done.subject.approval_id = 12;
    done.cost_limit_warning = "Cost limit: 85% used";
  });
  const auto reply = post("/api/cloud/jobs/submit", plain);
  CHECK(reply["success"] == true);
  CHECK(reply["status"] == "pending");
  CHECK(reply["queue_status"] == "blocked");
  CHECK(reply["requires_approval"] == true);
  CHECK(reply["approval_id"] == 12);
  CHECK(reply["cost_limit_warning"] == "Cost limit: 85% used");
  CHECK(asked.empty()); // a blocked job has no place
}

TEST_CASE_METHOD(jobs_fixture, "the cost limit is a 200 that names itself",
                 "[http_gateway]") {
  const auto as_many = post("/api/cloud/jobs/submit", plain).size();
  of_store.failure
    = make_error(ec::cost_limit_exceeded, "Cost limit of 50.00 USD reached");
  auto reply = post("/api/cloud/jobs/submit", plain);
  CHECK(reply["success"] == false);
  CHECK(reply["error"] == "Cost limit of 50.00 USD reached");
  CHECK(reply["job_id"].is_null());
  CHECK(reply["status"].is_null());
  CHECK(reply["correlation_id"] == "corr-1");
  CHECK(reply.size() == as_many);
  of_store.failure = make_error(ec::cost_limit_exceeded, "no more");
  reply = post("/api/cloud/jobs/submit", plain);
  CHECK(reply["error"] == "Cost limit exceeded: no more");
}

TEST_CASE_METHOD(jobs_fixture, "a name of a configuration is refused clearly",
                 "[http_gateway]") {
  const auto reply = call("POST", "/api/cloud/jobs/submit",
                          R"({"config_name_to_load": "flux"})");
  check_error(reply, 400, "validation_error");
  CHECK(reply.body.find("configurations live in SimpleTuner")
        != std::string::npos);
}

TEST_CASE_METHOD(jobs_fixture, "a list polls its active jobs first if asked to",
                 "[http_gateway][L3]") {
  auto done = active("j3", "x3");
  done.status = job_status::completed;
  list({active("j1", "x1"), active("j2", ""), done});
  auto reply = get("/api/cloud/jobs?sync_active=true&limit=7");
  CHECK(reply["total"] == 9);
  CHECK(reply["jobs"].size() == 3);
  REQUIRE(polled.size() == 1);
  CHECK(polled[0].job_ids == std::vector<std::string>{"j1"});
  CHECK(polled[0].ctx.correlation_id == "corr-1");
  REQUIRE(listed.size() == 2); // before and after
  CHECK(listed[1].limit == 7);
  get("/api/cloud/jobs?sync_active=false");
  CHECK(polled.size() == 1);
}

TEST_CASE_METHOD(jobs_fixture, "a list without active jobs polls nothing",
                 "[http_gateway]") {
  list({active("j2", "")});
  get("/api/cloud/jobs?sync_active=true");
  CHECK(polled.empty());
}

TEST_CASE_METHOD(jobs_fixture, "a poller that is late costs ten seconds",
                 "[http_gateway]") {
  list({active("j1", "x1")});
  of_poller.silent = true;
  const auto id
    = begin({.method = "GET", .target = "/api/cloud/jobs?sync_active=1"});
  advance(9s);
  CHECK(server->replies.count(id) == 0);
  advance(1s);
  CHECK(answer_to(id).status == 200);
  caf::anon_send(poller, tick{});
  settle();
  CHECK(server->replies[id].size() == 1);
}

TEST_CASE_METHOD(jobs_fixture, "a poller that fails costs nothing",
                 "[http_gateway]") {
  list({active("j1", "x1")});
  of_poller.failure = make_error(ec::worker_restarting, "");
  CHECK(get("/api/cloud/jobs?sync_active=true")["jobs"].size() == 1);
}

TEST_CASE_METHOD(jobs_fixture, "a sync tells how many jobs it discovered",
                 "[http_gateway][W7][L3]") {
  auto reply = post("/api/cloud/jobs/sync?colour=red", json::object());
  CHECK(reply["synced"].is_number_integer());
  CHECK(reply["synced"] == 3);
  CHECK(reply["message"] == "Discovered 3 new jobs from Replicate");
  CHECK(reply["warnings"] == json{"unknown field ignored: colour"});
  REQUIRE(synced.size() == 1);
  CHECK(synced[0].provider == "replicate");
  CHECK(synced[0].who.user_id == "local");
  CHECK(all_corr_1(of_scheduler));
  reply = post("/api/cloud/jobs/sync?provider=simpletuner_io", json::object());
  CHECK(reply["message"] == "Discovered 3 new jobs from simpletuner_io");
  CHECK(synced[1].provider == "simpletuner_io");
}

TEST_CASE_METHOD(jobs_fixture, "a sync fails as its provider does",
                 "[http_gateway]") {
  of_scheduler.failure = make_error(ec::conflict, "attempts are in doubt");
  check_error(call("POST", "/api/cloud/jobs/sync"), 409, "conflict");
  of_scheduler.failure = make_error(ec::provider_timeout, "slow");
  check_error(call("POST", "/api/cloud/jobs/sync"), 502, "provider_timeout");
  of_scheduler.failure = make_error(ec::unknown_provider, "no such");
  check_error(call("POST", "/api/cloud/jobs/sync?provider=x"), 400,
              "validation_error");
}

TEST_CASE_METHOD(jobs_fixture, "another's job is neither ended nor removed",
                 "[http_gateway]") {
  of_store.failure = make_error(ec::permission_denied, "another user's");
  of_scheduler.failure = of_store.failure;
  more_of_scheduler
    = caf::message_handler{[](const cancel_job&) -> caf::result<job_found> {
        return make_error(ec::permission_denied, "another user's");
      }};
  start();
  check_error(call("POST", "/api/cloud/jobs/j1/cancel"), 403,
              "permission_denied");
  check_error(call("DELETE", "/api/cloud/jobs/j1"), 403, "permission_denied");
}
