#include "actors/http_gateway/queries.hpp"

#include "tests/http_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;
using namespace std::chrono_literals;

namespace {

job entry(std::string id, queue_status status) {
  return {.id = std::move(id),
          .provider = "replicate",
          .user_id = "ann",
          .correlation_id = "corr-job",
          .queue = status};
}

/// The HTTP GATEWAY with the queue's part of store and scheduler.
struct queue_fixture : gateway_fixture {
  user_queue of_user;
  job_explained why;
  caf::error refusal;
  std::vector<get_user_queue> users;
  std::vector<explain_job> explained;
  std::vector<cancel_queued_job> cancelled;
  std::vector<decide_approval> decided;
  std::vector<set_priority> priorities;
  std::vector<clean_queue> cleaned;
  std::vector<process_queue> processed;

  queue_fixture() {
    more_of_store = caf::message_handler{
      [this](const get_user_queue& x) { return note(users, x, of_user); },
      [this](const cancel_queued_job& x) {
        return note(cancelled, x, job_found{x.ctx, stored});
      },
      [this](const decide_approval& x) {
        approval_decided done{x.ctx, {.id = 5, .job_id = x.job_id}, stored};
        done.subject.status = x.verdict == approval_verdict::approve
                                ? approval_status::approved
                                : approval_status::rejected;
        done.subject.reviewed_by = x.who.user_id;
        return note(decided, x, done);
      },
      [this](const set_priority& x) {
        auto after = stored;
        after.priority_override = x.priority;
        return note(priorities, x, priority_set{x.ctx, stored, after});
      },
      [this](const clean_queue& x) {
        return note(cleaned, x, queue_cleaned{x.ctx, 4});
      },
    };
    more_of_scheduler = caf::message_handler{
      [this](const explain_job& x) { return note(explained, x, why); },
      [this](const process_queue& x) {
        return note(processed, x, queue_processed{x.ctx, {"j1", "j2"}});
      },
    };
    start();
  }

  template <class Message, class Answer>
  caf::result<Answer> note(std::vector<Message>& log, const Message& x,
                           const Answer& answer) {
    CHECK(x.ctx.correlation_id == "corr-1");
    log.push_back(x);
    if (refusal)
      return refusal;
    return answer;
  }
};

} // namespace

TEST_CASE_METHOD(queue_fixture, "a user sees what it has in the queue",
                 "[http_gateway][Q10]") {
  of_user.pending_count = 12;
  of_user.running_count = 1;
  of_user.blocked_count = 3;
  of_user.pending
    = {entry("a", queue_status::pending), entry("b", queue_status::pending)};
  of_user.running = {entry("c", queue_status::running)};
  places = {{"a", 9}, {"b", 4}};
  const auto reply = get("/api/queue/me");
  CHECK(reply["pending_count"] == 12);
  CHECK(reply["running_count"] == 1);
  CHECK(reply["blocked_count"] == 3);
  CHECK(reply["best_position"] == 4);
  CHECK(reply["pending_jobs"][0]["position"] == 9);
  CHECK(reply["running_jobs"][0]["job_id"] == "c");
  CHECK(reply.size() == 6);
  REQUIRE(users.size() == 1);
  CHECK(users[0].user_id == "local");
  get("/api/queue/user/7");
  CHECK(users[1].user_id == "7");
  CHECK(users[1].who.user_id == "local");
}

TEST_CASE_METHOD(queue_fixture, "without waiting jobs there is no position",
                 "[http_gateway][Q10]") {
  const auto reply = get("/api/queue/me");
  CHECK(reply["best_position"].is_null());
  CHECK(reply["pending_jobs"] == json::array());
}

TEST_CASE_METHOD(queue_fixture, "position and why say the same",
                 "[http_gateway][Q10]") {
  stored.queued_at = now() - 125min;
  why.position = 3;
  why.estimated_wait = 90s;
  why.constraints = {{.kind = "limit",
                      .scope = "user ann",
                      .limit = 2,
                      .used = 2,
                      .holders = {"a", "b"}},
                     {.kind = "not_before", .until = now() + 1min}};
  const auto position = get("/api/queue/position/j1");
  CHECK(position["job_id"] == "j1");
  CHECK(position["position"] == 3);
  CHECK(position["status"] == "pending");
  CHECK(position["priority"] == 30); // it rose twice
  CHECK(position["queued_at"] == utc_text(stored.queued_at));
  CHECK(position["estimated_wait_seconds"] == 90);
  CHECK(position.size() == 6);
  const auto reply = get("/api/queue/why/j1");
  CHECK(reply["position"] == 3);
  CHECK(reply["status"] == "pending");
  CHECK(reply["estimated_wait_seconds"] == 90);
  REQUIRE(reply["constraints"].size() == 2);
  CHECK(reply["constraints"][0]
        == json{{"kind", "limit"},
                {"scope", "user ann"},
                {"limit", 2},
                {"used", 2},
                {"holders", {"a", "b"}}});
  CHECK(reply["constraints"][1]["limit"].is_null());
  CHECK(reply["constraints"][1]["until"] == utc_text(now() + 1min));
}

TEST_CASE_METHOD(queue_fixture, "what is over needs no explanation",
                 "[http_gateway][Q10]") {
  stored.status = job_status::completed;
  stored.queue = queue_status::completed;
  CHECK(get("/api/queue/position/j1")["position"].is_null());
  CHECK(get("/api/queue/why/j1")["constraints"] == json::array());
  CHECK(explained.empty());
}

TEST_CASE_METHOD(queue_fixture, "why is a matter of who sees the job",
                 "[http_gateway]") {
  of_store.failure = make_error(ec::permission_denied, "not yours");
  check_error(call("GET", "/api/queue/why/j1"), 403, "permission_denied");
  of_store.failure = make_error(ec::job_not_found, "no job j1");
  check_error(call("GET", "/api/queue/position/j1"), 404, "job_not_found");
  CHECK(explained.empty());
}

TEST_CASE_METHOD(queue_fixture, "a scheduler that is away makes no answer up",
                 "[http_gateway][Q10]") {
  refusal = make_error(ec::worker_restarting, "");
  check_error(call("GET", "/api/queue/position/j1"), 503,
              "service_unavailable");
}

TEST_CASE("holders that a caller may not know are left out", "[http_gateway]") {
  job_explained why;
  why.constraints = {{.kind = "limit", .used = 3, .holders = {"a", "b", "c"}},
                     {.kind = "turn", .used = 1, .holders = {"d"}}};
  const auto known = rest::with_holders(why, {"b", "x"});
  CHECK(known.constraints[0].holders == std::vector<std::string>{"b"});
  CHECK(known.constraints[0].used == 3);
  CHECK(known.constraints[1].holders.empty());
}

TEST_CASE_METHOD(queue_fixture, "an entry is cancelled by the store",
                 "[http_gateway][Q11]") {
  const auto reply = post("/api/queue/j1/cancel", json::object());
  CHECK(reply == json{{"success", true}, {"job_id", "j1"}});
  REQUIRE(cancelled.size() == 1);
  CHECK(cancelled[0].job_id == "j1");
}

TEST_CASE_METHOD(queue_fixture, "what runs or is over is not cancelled here",
                 "[http_gateway][Q11]") {
  log_capture lines;
  refusal = make_error(ec::conflict, "job j1 is running");
  stored.queue = queue_status::running;
  check_error(call("POST", "/api/queue/j1/cancel"), 409, "invalid_job_state");
  CHECK(lines.lines_with("Cannot cancel running job j1 via queue").size() == 1);
  stored.queue = queue_status::completed;
  check_error(call("POST", "/api/queue/j1/cancel"), 409, "invalid_job_state");
  CHECK(lines.lines_with("Cannot cancel running job j1 via queue").size() == 1);
  refusal = make_error(ec::permission_denied, "another user's");
  check_error(call("POST", "/api/queue/j1/cancel"), 403, "permission_denied");
}

TEST_CASE_METHOD(queue_fixture, "the queue approves and rejects by job",
                 "[http_gateway][A5]") {
  auto reply = post("/api/queue/j1/approve", json::object());
  CHECK(reply
        == json{{"success", true}, {"job_id", "j1"}, {"approved_by", "local"}});
  reply = post("/api/queue/j1/reject?reason=too%20dear&x=1", json::object());
  CHECK(reply["rejected_by"] == "local");
  CHECK(reply["reason"] == "too dear");
  CHECK(reply["warnings"].size() == 1);
  REQUIRE(decided.size() == 2);
  for (const auto& x : decided) {
    CHECK(x.approval_id == 0);
    CHECK(x.job_id == "j1");
    CHECK(x.who.user_id == "local");
  }
  CHECK(decided[0].verdict == approval_verdict::approve);
  CHECK(decided[1].verdict == approval_verdict::reject);
  CHECK(decided[1].text == "too dear");
}

TEST_CASE_METHOD(queue_fixture, "a rejection wants a reason",
                 "[http_gateway][A5]") {
  for (const auto* query : {"", "?reason=", "?reason=%20"})
    check_error(call("POST", std::string{"/api/queue/j1/reject"} + query), 400,
                "validation_error");
  CHECK(decided.empty());
}

TEST_CASE_METHOD(queue_fixture, "a job that is not blocked is not approved",
                 "[http_gateway][A4][A5]") {
  log_capture lines;
  refusal = make_error(ec::conflict, "no pending request");
  check_error(call("POST", "/api/queue/j1/approve"), 409, "invalid_job_state");
  CHECK(lines.lines_with("Job j1 is not blocked (status: pending)").size()
        == 1);
  refusal = make_error(ec::permission_denied, "takes an admin");
  check_error(call("POST", "/api/queue/j1/approve"), 403, "permission_denied");
}

TEST_CASE_METHOD(queue_fixture, "a priority is set, shown and taken back",
                 "[http_gateway][Q5]") {
  log_capture lines;
  stored.queued_at = now();
  auto reply = post("/api/queue/j1/priority", {{"priority", 45}, {"x", 1}});
  CHECK(reply["previous_effective_priority"] == 10);
  CHECK(reply["new_effective_priority"] == 45);
  CHECK(reply["priority_override"] == 45);
  CHECK(reply["warnings"].size() == 1);
  stored.priority_override = 45;
  reply = post("/api/queue/j1/priority", {{"priority", nullptr}});
  CHECK(reply["previous_effective_priority"] == 45);
  CHECK(reply["new_effective_priority"] == 10);
  CHECK(reply["priority_override"].is_null());
  REQUIRE(priorities.size() == 2);
  CHECK(!priorities[1].priority);
  const auto text = "Set priority override for job j1: 45 (effective: 45)";
  CHECK(lines.lines_with(text).size() == 1);
}

TEST_CASE_METHOD(queue_fixture, "a priority out of range is refused",
                 "[http_gateway]") {
  log_capture lines;
  for (const auto* body :
       {R"({"priority":51})", R"({"priority":-1})", R"({"priority":"high"})",
        R"({})", R"({"priority":1.5})"})
    check_error(call("POST", "/api/queue/j1/priority", body), 400,
                "validation_error");
  CHECK(priorities.empty());
  CHECK(lines.lines_with("Invalid priority_override 51 (must be 0-50)").size()
        == 1);
}

TEST_CASE_METHOD(queue_fixture, "the queue is worked off and cleaned on demand",
                 "[http_gateway][Q12]") {
  auto reply = post("/api/queue/process", json::object());
  reply.erase("warnings"); // there is no audit log here
  CHECK(
    reply
    == json{{"success", true}, {"dispatched", 2}, {"job_ids", {"j1", "j2"}}});
  reply = post("/api/queue/cleanup", json::object());
  CHECK(reply == json{{"success", true}, {"deleted", 4}, {"days", 30}});
  reply = post("/api/queue/cleanup?days=365", json::object());
  CHECK(reply["days"] == 365);
  REQUIRE(cleaned.size() == 2);
  CHECK(cleaned[1].days == 365);
  for (const auto* days : {"0", "366", "x"})
    check_error(call("POST", std::string{"/api/queue/cleanup?days="} + days),
                400, "validation_error");
}

TEST_CASE_METHOD(queue_fixture, "limits of orgs and providers are ours",
                 "[http_gateway]") {
  post("/api/queue/concurrency",
       {{"org_max_concurrent", 4}, {"provider_max_concurrent", 3}});
  post("/api/queue/concurrency",
       {{"org_max_concurrent", nullptr}, {"provider_max_concurrent", nullptr}});
  REQUIRE(changed.size() == 2);
  CHECK(changed[0].org_max_concurrent == 4);
  CHECK(changed[0].provider_max_concurrent == 3);
  CHECK(changed[1].org_max_concurrent == 0);
  CHECK(changed[1].provider_max_concurrent == 0);
}

TEST_CASE_METHOD(queue_fixture, "an entry tells what approval it waits for",
                 "[http_gateway][A1]") {
  stored.queue = queue_status::blocked;
  stored.approval_id = 31;
  const auto entries = get("/api/queue")["entries"];
  REQUIRE(entries.size() == 1);
  CHECK(entries[0]["requires_approval"] == true);
  CHECK(entries[0]["approval_id"] == 31);
}
