#include "tests/store_fixture.hpp"

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

struct store_trace_fixture : test::store_fixture {
  store_trace_fixture() {
    for (const auto* id : {"a", "b"}) {
      auto x = submission(id, id == std::string{"a"} ? "7" : "8");
      x.subject.org_id = id == std::string{"a"} ? "1" : "2";
      x.subject.correlation_id = "corr";
      ask<job_submitted>(aut, x);
    }
  }

  trace_found trace(const caller& who, const std::string& id = "corr") {
    const auto found = ask<trace_found>(aut, get_trace{{"corr-t"}, who, id});
    CHECK(found.ctx.correlation_id == "corr-t");
    return found;
  }
};

} // namespace

TEST_CASE_METHOD(store_trace_fixture, "a trace holds all of one request",
                 "[store][L3]") {
  const auto attempt = claim({"a"}).claimed.at(0).attempt_id;
  advance(1s);
  record(outcome("a", attempt, submission_result::accepted, "e1"));
  ask<priority_set>(aut, set_priority{{"corr"}, {}, "b", 30});
  const auto found = trace({});
  REQUIRE(found.jobs.size() == 2);
  CHECK(found.jobs[0].id == "a");
  CHECK(found.jobs[1].id == "b");
  REQUIRE(found.attempts.size() == 1);
  CHECK(found.attempts[0].id == attempt);
  CHECK(found.attempts[0].job_id == "a");
  CHECK(found.attempts[0].number == 1);
  CHECK(found.attempts[0].state == attempt_state::accepted);
  CHECK(found.attempts[0].claimed_at == now() - 1s);
  CHECK(found.attempts[0].closed_at == now());
  CHECK(found.attempts[0].external_id == "e1");
  REQUIRE(found.events.size() == 5);
  CHECK(found.events[2].type == "queue_changed"); // internal ones too
  CHECK(found.events[4].id == 5);
  REQUIRE(found.audit.size() >= 1);
  CHECK(found.audit.back().action == "job.priority");
  CHECK(trace({}, "other").events.empty());
}

TEST_CASE_METHOD(store_trace_fixture, "a trace shows requests for approval",
                 "[store]") {
  db->connect(sql::connection::mode::read_write)
    ->execute("INSERT INTO approvals (job_id, user_id, org_id, rule_id, "
              "status, reason, provider, config_name, hardware_type, "
              "required_level, created_at, expires_at, correlation_id) "
              "VALUES ('a', '7', '1', 3, 'pending', 'costs much', "
              "'replicate', 'flux', 'H100', 'lead', 5, 6, 'corr')");
  const auto found = trace({"7", "", "", caller_level::lead});
  REQUIRE(found.approvals.size() == 1);
  const auto& x = found.approvals[0];
  CHECK(x.job_id == "a");
  CHECK(x.status == approval_status::pending);
  CHECK(x.reason == "costs much");
  CHECK(x.required_level == caller_level::lead);
  CHECK(!x.estimated_cost_micros);
  CHECK(x.expires_at == timestamp{6ns});
  CHECK(x.correlation_id == "corr");
  CHECK(trace({"8", "2", "", caller_level::lead}).approvals.empty());
}

TEST_CASE_METHOD(store_trace_fixture, "a trace shows what its reader may see",
                 "[store][E2]") {
  claim({"a"});
  append_event worker{{"corr"}, {}};
  worker.subject.type = "worker_status";
  ask<event_appended>(aut, worker);
  for (const auto* org : {"1", "2"}) {
    append_audit note{{"corr"}, {}};
    note.entry.action = "x.y";
    note.entry.org_id = org;
    ask<audit_appended>(aut, note);
  }
  const auto own = trace({"7", "9", "", caller_level::lead});
  REQUIRE(own.jobs.size() == 1);
  CHECK(own.jobs[0].id == "a");
  CHECK(own.attempts.size() == 1);
  CHECK(own.events.size() == 2);
  const auto lead = trace({"5", "2", "", caller_level::lead});
  REQUIRE(lead.jobs.size() == 1);
  CHECK(lead.jobs[0].id == "b");
  CHECK(lead.attempts.empty());
  CHECK(lead.events.size() == 1);
  const auto of_org = [](const audit_entry& x) { return x.org_id == "2"; };
  CHECK(!lead.audit.empty());
  CHECK(std::all_of(lead.audit.begin(), lead.audit.end(), of_org));
  const auto nobody = trace({"", "", "", caller_level::lead});
  CHECK(nobody.jobs.empty());
  CHECK(nobody.events.empty()); // not the worker's, which is nobody's
  CHECK(trace({}).events.size() == 4);
  CHECK(trace({}).audit.size() >= 2);
}

TEST_CASE_METHOD(store_trace_fixture,
                 "an attempt that outlived its job is shown "
                 "to admins",
                 "[store]") {
  end("a");
  record(outcome("b", claim({"b"}).claimed.at(0).attempt_id,
                 submission_result::refused));
  end("b");
  ask<job_found>(aut, delete_job{{"c"}, {}, "b"});
  CHECK(trace({}).attempts.size() == 1);
  CHECK(trace({"8", "2", "", caller_level::lead}).attempts.empty());
}

TEST_CASE_METHOD(store_trace_fixture, "a trace is bounded", "[store]") {
  auto raw = db->connect(sql::connection::mode::read_write);
  raw->execute("WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 "
               "FROM n WHERE i < 1200) INSERT INTO events (time, type, job_id, "
               "user_id, org_id, correlation_id, data) SELECT i, 'x', '', '7', "
               "'1', 'corr', '{}' FROM n");
  const auto found = trace({});
  REQUIRE(found.events.size() == 1'000);
  CHECK(found.events.back().id == 1'000);
}
