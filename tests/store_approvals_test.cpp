#include "actors/store/schema.hpp"
#include "actors/store/sqlite.hpp"

#include "tests/approvals_fixture.hpp"
#include "tests/log_capture.hpp"

#include <fstream>
#include <random>

// Approvals as the store keeps them: rules at submission, decisions, expiry.

using namespace tunerd;
using namespace tunerd::test;
using namespace std::chrono_literals;

TEST_CASE_METHOD(approvals_fixture,
                 "a rule blocks the job it stops in one transaction",
                 "[store][approvals][A1][Q4]") {
  test::log_capture log;
  auto wanted = expensive("10");
  wanted.required_approver_level = "admin";
  wanted.deadline_seconds = 60;
  const auto stored = rule(wanted);
  auto x = submission("j1");
  x.subject.org_id = "o";
  x.subject.estimated_cost_micros = 10'000'001;
  const auto answer = ask<job_submitted>(aut, x);
  CHECK(answer.subject.queue == queue_status::blocked);
  CHECK(answer.subject.status == job_status::pending);
  const auto found = request(answer.subject.approval_id);
  CHECK(get("j1").approval_id == found.id);
  CHECK(found.rule_id == stored.id);
  CHECK(found.status == approval_status::pending);
  CHECK(found.reason == "expensive: estimated cost $10.000001 exceeds $10.00");
  CHECK(found.required_level == caller_level::admin);
  CHECK(found.expires_at == now() + 60s);
  CHECK(found.correlation_id == "corr-j1");
  CHECK(found.user_id == "7");
  const auto told = events_of("approval_required");
  REQUIRE(told.size() == 1);
  CHECK(told[0]["approval_id"] == found.id);
  CHECK(told[0]["job_id"] == "j1");
  CHECK(told[0]["reason"] == found.reason);
  CHECK(told[0]["expires_at"].is_string());
  CHECK(told[0]["correlation_id"] == "corr-j1");
  CHECK(events().events.front().id == answer.event_id);
  const auto lines = log.lines_with("Approval required for user 7: rule "
                                    "'expensive' matched (estimated cost");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].correlation_id == "corr-j1");
  CHECK(lines[0].extra.at("job_id") == "j1");
  CHECK(claim({"j1"}).claimed.empty());

  x = submission("j2"); // costs no more than allowed
  x.subject.estimated_cost_micros = 10'000'000;
  CHECK(ask<job_submitted>(aut, x).subject.queue == queue_status::pending);
  CHECK(claim({"j2"}).claimed.size() == 1);
}

TEST_CASE_METHOD(approvals_fixture, "a submission may ask for approval itself",
                 "[store][approvals][A1]") {
  const auto free = blocked("free");
  CHECK(free.queue == queue_status::blocked);
  const auto found = request(free.approval_id);
  CHECK(found.rule_id == 0);
  CHECK(found.required_level == caller_level::lead);
  CHECK(found.expires_at == now() + 24h); // as configured
  CHECK(request(blocked("own", 5s).approval_id).expires_at == now() + 5s);
  auto wanted = expensive("0");
  wanted.deadline_seconds = 60;
  rule(wanted);
  CHECK(request(blocked("rule").approval_id).expires_at == now() + 60s);
  CHECK(request(blocked("both", 5s).approval_id).expires_at == now() + 5s);
  auto x = submission("bad");
  x.approval_deadline = 10ms;
  CHECK(refused<job_submitted>(x) == ec::validation_error);
  x = submission("bad");
  x.subject.queue = queue_status::blocked; // not for the caller to say
  x.subject.estimated_cost_micros = 0;
  CHECK(ask<job_submitted>(aut, x).subject.queue == queue_status::pending);
  x = submission("worse");
  x.subject.estimated_cost_micros = -1;
  CHECK(refused<job_submitted>(x) == ec::validation_error);
}

TEST_CASE_METHOD(approvals_fixture, "rules count the jobs of the user",
                 "[store][approvals][A1]") {
  rule_changes wanted;
  wanted.name = "first";
  wanted.condition = rule_condition::first_job;
  const auto first = rule(wanted);
  CHECK(submit("j1").queue == queue_status::blocked);
  CHECK(submit("j2").queue == queue_status::pending);
  CHECK(submit("j3", "8").queue == queue_status::blocked);
  wanted.condition = rule_condition::daily_jobs_exceed;
  wanted.threshold = "3";
  ask<rule_found>(aut, change_rule{{"c"}, {}, first.id, wanted});
  CHECK(submit("j4").queue == queue_status::pending);
  CHECK(submit("j5").queue == queue_status::blocked); // the fourth
  advance(24h + 1s, 24h + 1s);
  CHECK(submit("j6").queue == queue_status::pending);
}

TEST_CASE_METHOD(approvals_fixture,
                 "a known idempotency key asks for approval once",
                 "[store][approvals][Q13]") {
  rule(expensive("0"));
  auto x = submission("j1");
  x.idempotency_key = "key";
  const auto once = ask<job_submitted>(aut, x).subject;
  x.subject.id = "j2";
  const auto again = ask<job_submitted>(aut, x);
  CHECK(again.idempotent_hit);
  CHECK(again.subject.approval_id == once.approval_id);
  CHECK(events_of("approval_required").size() == 1);
}

TEST_CASE_METHOD(approvals_fixture,
                 "an imported rule that nobody can read lets no job pass",
                 "[store][approvals][A6]") {
  test::log_capture log;
  rule(expensive("1000"));
  auto raw = db->connect(sql::connection::mode::read_write);
  raw->execute("INSERT INTO approval_rules (name, description, condition, "
               "threshold, is_active, priority, applies_to_provider, "
               "applies_to_level, exempt_levels, required_approver_level, "
               "deadline_seconds, created_at, created_by) SELECT 'odd', '', "
               "'moon_phase', 'full', 1, 5, '', '', 'all', 'boss', 0, 0, '' "
               "FROM approval_rules");
  auto x = submission("j1");
  x.subject.estimated_cost_micros = 0;
  const auto stopped = ask<job_submitted>(aut, x).subject;
  CHECK(stopped.queue == queue_status::blocked);
  CHECK(request(stopped.approval_id).required_level == caller_level::admin);
  CHECK(log.contains("WARNING", "Rule 'odd' cannot be judged"));
}

TEST_CASE_METHOD(approvals_fixture, "an approved job waits for its slot",
                 "[store][approvals][A5][Q4]") {
  test::log_capture log;
  const auto before = blocked("j1");
  advance(10s);
  const auto answer = ask<approval_decided>(
    aut, decision(before.approval_id, approval_verdict::approve));
  CHECK(answer.ctx.correlation_id == "corr-decide");
  CHECK(answer.subject.status == approval_status::approved);
  CHECK(answer.subject.reviewed_by == "lead");
  CHECK(answer.subject_job.queue == queue_status::pending);
  const auto stored = get("j1");
  CHECK(stored.queue == queue_status::pending);
  CHECK(stored.status == job_status::pending);
  CHECK(stored.queued_at == before.queued_at);
  CHECK(request(before.approval_id).review_notes == "because");
  CHECK(request(before.approval_id).reviewed_at == now());
  const auto told = events_of("approval_decided");
  REQUIRE(told.size() == 1);
  CHECK(told[0]["status"] == "approved");
  CHECK(told[0]["reviewed_by"] == "lead");
  CHECK(events_of("queue_changed").size() == 1); // the scheduler looks
  CHECK(hints.back().job_ids == std::vector<std::string>{"j1"});
  const auto text = "Approved job j1 (approval_id: "
                    + std::to_string(before.approval_id) + ")";
  REQUIRE(log.lines_with(text).size() == 1);
  CHECK(log.lines_with(text)[0].correlation_id == "corr-j1");
  CHECK(claim({"j1"}).claimed.size() == 1);
}

TEST_CASE_METHOD(approvals_fixture, "a rejected job is over",
                 "[store][approvals][A5]") {
  const auto id = blocked("j1").approval_id;
  auto x = decision(0, approval_verdict::reject);
  x.job_id = "j1";
  x.text = " ";
  CHECK(refused<approval_decided>(x) == ec::validation_error);
  x.text = std::string(1'001, 'x');
  CHECK(refused<approval_decided>(x) == ec::validation_error);
  x.text = "too dear";
  ask<approval_decided>(aut, x);
  const auto stored = get("j1");
  CHECK(stored.status == job_status::cancelled);
  CHECK(stored.queue == queue_status::failed);
  CHECK(stored.error_message == "Rejected: too dear");
  CHECK(stored.completed_at == now());
  CHECK(request(id).status == approval_status::rejected);
  const auto told = events_of("job_status_changed");
  REQUIRE(told.size() == 2);
  CHECK(told[1]["status"] == "cancelled");
  CHECK(told[1]["source"] == "api");
  CHECK(events_of("approval_decided").size() == 1);
}

TEST_CASE_METHOD(approvals_fixture, "no request is decided twice",
                 "[store][approvals][A4]") {
  test::log_capture log;
  const auto id = blocked("j1").approval_id;
  ask<approval_decided>(aut, decision(id, approval_verdict::approve));
  for (auto verdict : {approval_verdict::approve, approval_verdict::reject,
                       approval_verdict::cancel})
    CHECK(refused<approval_decided>(decision(id, verdict)) == ec::conflict);
  auto by_job = decision(0, approval_verdict::approve);
  by_job.job_id = "j1";
  CHECK(refused<approval_decided>(by_job) == ec::conflict);
  CHECK(log.contains("WARNING", "Job j1 is not blocked (status: pending)"));
  CHECK(events_of("approval_decided").size() == 1);
  CHECK(refused<approval_decided>(decision(99, approval_verdict::approve))
        == ec::not_found);
  by_job.job_id = "none";
  CHECK(refused<approval_decided>(by_job) == ec::job_not_found);
}

TEST_CASE_METHOD(approvals_fixture,
                 "a decision after the deadline is refused before the sweep",
                 "[store][approvals][A4]") {
  const auto id = blocked("j1", 60s).approval_id;
  advance(60s, 1s);
  CHECK(text_of_refusal(decision(id, approval_verdict::approve))
          .find("its deadline passed 0ms ago")
        != std::string::npos);
  advance(3s, 1s);
  for (auto verdict : {approval_verdict::approve, approval_verdict::reject,
                       approval_verdict::cancel}) {
    const auto text = text_of_refusal(decision(id, verdict));
    CHECK(text.starts_with("conflict: "));
    CHECK(text.find("its deadline passed 3s ago") != std::string::npos);
  }
  CHECK(refused<approval_found>(extend_approval{{"c"}, lead, id, 1h})
        == ec::conflict);
  CHECK(get("j1").queue == queue_status::blocked);
  CHECK(events_of("approval_decided").empty());
}

TEST_CASE_METHOD(approvals_fixture, "who may decide what",
                 "[store][approvals]") {
  const auto id = blocked("j1").approval_id;
  auto strict = expensive("0");
  strict.required_approver_level = "admin";
  rule(strict);
  const auto high = blocked("j2").approval_id;
  const auto denied
    = [this](int64_t request, caller who, approval_verdict verdict) {
        return refused<approval_decided>(decision(request, verdict, who))
               == ec::permission_denied;
      };
  const auto owner = person("7", caller_level::lead);
  const auto local = caller{.user_id = "7"};
  for (auto verdict : {approval_verdict::approve, approval_verdict::reject}) {
    CHECK(denied(id, person("9", caller_level::lead, "other"), verdict));
    CHECK(denied(id, person("9", caller_level::lead, ""), verdict));
    CHECK(denied(id, person("9", caller_level::researcher), verdict));
    CHECK(denied(id, person("7", caller_level::researcher), verdict));
    CHECK(denied(id, owner, verdict));
    CHECK(denied(id, person("7", caller_level::admin), verdict));
    CHECK(denied(high, lead, verdict));
  }
  CHECK(denied(high, lead, approval_verdict::cancel));
  CHECK(denied(id, person("9", caller_level::researcher),
               approval_verdict::cancel));
  CHECK(refused<approval_found>(extend_approval{{"c"}, owner, high, 48h})
        == ec::permission_denied);
  ask<approval_decided>(aut, decision(high, approval_verdict::cancel,
                                      person("7", caller_level::researcher)));
  CHECK(get("j2").status == job_status::cancelled);
  CHECK(get("j2").queue == queue_status::cancelled);
  ask<approval_decided>(aut, decision(id, approval_verdict::approve, local));
}

TEST_CASE_METHOD(approvals_fixture, "cancelling the job cancels its request",
                 "[store][approvals][Q4]") {
  const auto id = blocked("j1").approval_id;
  const auto late = blocked("j2", 1s).approval_id;
  end("j1");
  CHECK(request(id).status == approval_status::cancelled);
  CHECK(events_of("approval_decided").at(0)["status"] == "cancelled");
  CHECK(events_of("approval_decided").at(0)["reviewed_by"].is_null());
  advance(2s);
  end("j2"); // a request is never cancelled after its deadline
  CHECK(request(late).status == approval_status::expired);
  CHECK(events_of("approval_expired").size() == 1);
  CHECK(get("j2").status == job_status::cancelled);
  CHECK(sweep().expired == 0);
}

TEST_CASE_METHOD(approvals_fixture, "what nobody decides in time expires",
                 "[store][approvals][A2][A3]") {
  test::log_capture log;
  const auto id = blocked("j1", 1h + 3s).approval_id;
  CHECK(sweep().next_due == caf::timespan{1h + 3s});
  advance(1h + 2s, 1h + 2s);
  CHECK(sweep().expired == 0);
  advance(3s, 1s);
  const auto swept = sweep();
  CHECK(swept.expired == 1);
  CHECK(swept.worst_lateness == 2s);
  CHECK(!swept.more);
  CHECK(!swept.next_due);
  const auto stored = get("j1");
  CHECK(stored.status == job_status::cancelled);
  CHECK(stored.queue == queue_status::failed);
  CHECK(stored.error_message == "Approval request expired after 1h 0m 3s");
  CHECK(request(id).status == approval_status::expired);
  const auto told = events_of("approval_expired");
  REQUIRE(told.size() == 1);
  CHECK(told[0]["message"] == stored.error_message);
  CHECK(told[0]["job_id"] == "j1");
  CHECK(events_of("job_status_changed").at(1)["source"] == "expiry");
  CHECK(log.contains("INFO", "Approval request " + std::to_string(id)
                               + " expired, job j1 cancelled"));
  CHECK(audit().back() == "approval.expire " + std::to_string(id) + " tunerd");
  CHECK(sweep().expired == 0); // once
  CHECK(events_of("approval_expired").size() == 1);
}

TEST_CASE_METHOD(approvals_fixture,
                 "thousands of requests expire with their jobs",
                 "[store][approvals][A2][A3]") {
  constexpr int64_t count = 10'000;
  blocked("seed", 1s);
  clone_job("seed", count - 1);
  auto raw = db->connect(sql::connection::mode::read_write);
  raw->execute("INSERT INTO approvals (job_id, user_id, org_id, rule_id, "
               "status, reason, provider, config_name, hardware_type, "
               "required_level, created_at, expires_at, correlation_id) "
               "SELECT j.id, a.user_id, a.org_id, 0, 'pending', '', "
               "a.provider, '', '', 'lead', a.created_at, a.expires_at, '' "
               "FROM jobs j JOIN approvals a ON j.id <> a.job_id");
  advance(2s, 1s);
  int64_t expired = 0;
  int sweeps = 0;
  for (auto more = true; more; ++sweeps) {
    const auto swept = sweep();
    expired += swept.expired;
    CHECK(swept.expired == 500);
    more = swept.more;
  }
  CHECK(expired == count);
  CHECK(sweeps == 20);
  const auto number = [&](const char* sql) {
    auto row = raw->query(sql);
    row.step();
    return row.get<int64_t>(0);
  };
  CHECK(number("SELECT count(*) FROM jobs WHERE status = 'cancelled' "
               "AND queue = 'failed' AND completed_at IS NOT NULL")
        == count);
  CHECK(number("SELECT count(*) FROM approvals WHERE status = 'expired'")
        == count);
  CHECK(number("SELECT count(DISTINCT job_id) FROM events "
               "WHERE type = 'approval_expired'")
        == count);
  CHECK(number("SELECT count(*) FROM events "
               "WHERE type = 'approval_expired'")
        == count);
}

TEST_CASE_METHOD(approvals_fixture, "people are warned once before a deadline",
                 "[store][approvals]") {
  const auto id = blocked("j1", 2h).approval_id;
  blocked("j2", 3h);
  CHECK(sweep(500, 1h).next_due == caf::timespan{1h});
  advance(1h, 1h);
  auto swept = sweep(500, 1h);
  CHECK(swept.warned == 1);
  CHECK(swept.next_due
        == caf::timespan{1h}); // one's deadline, the other's warning
  CHECK(sweep(500, 1h).warned == 0);
  const auto told = events_of("approval_expiring");
  REQUIRE(told.size() == 1);
  CHECK(told[0]["approval_id"] == id);
  CHECK(told[0]["expires_at"].is_string());
  const auto later
    = ask<approval_found>(aut, extend_approval{{"c"}, lead, id, 2h});
  CHECK(later.subject.expires_at == now() + 2h);
  CHECK(sweep(500, 30min).next_due
        == caf::timespan{90min}); // to be warned anew
  advance(1h, 1h);
  CHECK(sweep(500, 1h).warned == 2);
}

TEST_CASE_METHOD(approvals_fixture, "a deadline only moves to later",
                 "[store][approvals]") {
  const auto id = blocked("j1", 2h).approval_id;
  const auto extend = [&](caf::timespan by) {
    return extend_approval{{"c"}, lead, id, by};
  };
  CHECK(refused<approval_found>(extend(1h)) == ec::conflict);
  CHECK(refused<approval_found>(extend(2h)) == ec::conflict);
  CHECK(refused<approval_found>(extend(0s)) == ec::validation_error);
  CHECK(refused<approval_found>(extend(24h * 366)) == ec::validation_error);
  ask<approval_found>(aut, extend(3h));
  CHECK(request(id).expires_at == now() + 3h);
  CHECK(!events_of("queue_changed").empty()); // whoever sweeps looks again
  advance(2h, 1h);
  CHECK(sweep().expired == 0);
  ask<approval_decided>(aut, decision(id, approval_verdict::approve));
  CHECK(refused<approval_found>(extend(9h)) == ec::conflict);
}

TEST_CASE_METHOD(approvals_fixture, "only admins change rules",
                 "[store][approvals][rules]") {
  const auto stored = rule(expensive("10"));
  CHECK(stored.created_by == "local");
  CHECK(stored.created_at == now());
  CHECK(refused<rule_found>(create_rule{{"c"}, lead, expensive("1")})
        == ec::permission_denied);
  CHECK(refused<rule_found>(change_rule{{"c"}, lead, stored.id, {}})
        == ec::permission_denied);
  CHECK(refused<rule_found>(delete_rule{{"c"}, lead, stored.id})
        == ec::permission_denied);
  CHECK(refused<rule_found>(create_rule{{"c"}, {}, expensive("-1")})
        == ec::validation_error);
  CHECK(refused<rule_found>(change_rule{{"c"}, {}, 99, {}}) == ec::not_found);
  CHECK(refused<rule_found>(get_rule{{"c"}, 99}) == ec::not_found);
  rule_changes wanted;
  wanted.priority = 7;
  wanted.exempt_levels = std::vector<std::string>{"admin", "lead"};
  ask<rule_found>(aut, change_rule{{"c"}, {}, stored.id, wanted});
  const auto found = ask<rule_found>(aut, get_rule{{"c"}, stored.id}).subject;
  CHECK(found.name == "expensive");
  CHECK(found.priority == 7);
  CHECK(found.exempt_levels == *wanted.exempt_levels);
  CHECK(submit("j1").queue == queue_status::pending); // an admin submits
  stop();
  start(); // rules outlive a restart
  CHECK(ask<rule_list>(aut, list_rules{{"c"}}).rules.size() == 1);
}

TEST_CASE_METHOD(approvals_fixture, "a rule with pending requests stays",
                 "[store][approvals][rules]") {
  const auto first = rule(expensive("10"));
  auto more = expensive("5");
  more.priority = 3;
  const auto second = rule(more);
  const auto id = submit("j1").approval_id;
  CHECK(request(id).rule_id == second.id); // tried first
  CHECK(refused<rule_found>(delete_rule{{"c"}, {}, second.id}) == ec::conflict);
  end("j1");
  ask<rule_found>(aut, delete_rule{{"c"}, {}, second.id});
  CHECK(refused<rule_found>(get_rule{{"c"}, second.id}) == ec::not_found);
  const auto left = ask<rule_list>(aut, list_rules{{"c"}}).rules;
  REQUIRE(left.size() == 1);
  CHECK(left[0].id == first.id);
  CHECK(request(id).rule_id == second.id);
  CHECK(request(submit("j2").approval_id).rule_id == first.id);
  auto raw = db->connect(sql::connection::mode::read_write);
  raw->execute("WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 "
               "FROM n WHERE i < 999) INSERT INTO approval_rules (name, "
               "description, condition, threshold, is_active, priority, "
               "applies_to_provider, applies_to_level, exempt_levels, "
               "required_approver_level, deadline_seconds, created_at, "
               "created_by) SELECT 'x', '', 'provider', 'x', 0, 0, '', '', "
               "'[]', 'lead', 0, 0, '' FROM n");
  CHECK(refused<rule_found>(create_rule{{"c"}, {}, expensive("1")})
        == ec::conflict);
  CHECK(ask<rule_list>(aut, list_rules{{"c"}, true}).rules.size() == 1);
}

TEST_CASE_METHOD(approvals_fixture, "everybody sees what is theirs",
                 "[store][approvals]") {
  const auto own = blocked("mine").approval_id;
  auto foreign = submission("foreign", "8");
  foreign.subject.org_id = "p";
  foreign.requires_approval = true;
  const auto other = ask<job_submitted>(aut, foreign).subject.approval_id;
  ask<approval_decided>(aut, decision(own, approval_verdict::approve));
  const auto newest = blocked("newest").approval_id;
  const auto ids = [this](const list_approvals& query) {
    std::vector<int64_t> result;
    for (const auto& x : ask<approval_list>(aut, query).requests)
      result.push_back(x.id);
    return result;
  };
  using list = std::vector<int64_t>;
  list_approvals query{{"c"}, {}};
  CHECK(ids(query) == list{newest, other, own});
  CHECK(ask<approval_list>(aut, query).pending_count == 2);
  query.status = approval_status::approved;
  CHECK(ids(query) == list{own});
  query.status = caf::none;
  query.limit = 1;
  query.offset = 1;
  CHECK(ids(query) == list{other});
  query = {{"c"}, lead};
  CHECK(ids(query) == list{newest, own});
  CHECK(ask<approval_list>(aut, query).pending_count == 1);
  query.own_only = true;
  CHECK(ids(query).empty());
  query = {{"c"}, person("7", caller_level::viewer, "")};
  CHECK(ids(query) == list{newest, own});
  query.who = person("9", caller_level::lead, ""); // no org equals no other
  CHECK(ids(query).empty());
  CHECK(refused<approval_found>(get_approval{{"c"}, lead, other})
        == ec::permission_denied);
  CHECK(
    ask<approval_found>(aut, get_approval{{"c"}, lead, 0, "mine"}).subject.id
    == own);
  CHECK(refused<approval_found>(get_approval{{"c"}, lead, 0, "none"})
        == ec::not_found);
}

TEST_CASE_METHOD(approvals_fixture, "who did what is written down",
                 "[store][approvals]") {
  const auto stored = rule(expensive("10"));
  auto x = submission("j1");
  x.who = person("7", caller_level::researcher);
  const auto id = ask<job_submitted>(aut, x).subject.approval_id;
  ask<approval_found>(aut, extend_approval{{"c"}, {}, id, 48h});
  ask<approval_decided>(aut, decision(id, approval_verdict::approve, {}));
  end_job cancel{{"c"}, "j1"};
  ask<job_found>(aut, cancel); // by us: no row
  submit("j2");
  cancel.job_id = "j2";
  cancel.who = person("7", caller_level::researcher);
  ask<job_found>(aut, cancel);
  ask<job_found>(aut, delete_job{{"c"}, {}, "j2"});
  ask<rule_found>(aut, delete_rule{{"c"}, {}, stored.id});
  const auto rule_id = std::to_string(stored.id);
  const auto request_id = std::to_string(id);
  CHECK(audit()
        == std::vector<std::string>{
          "rule.create " + rule_id + " local", "job.submit j1 7",
          "approval.extend " + request_id + " local",
          "approval.approve " + request_id + " local", "job.submit j2 local",
          "job.cancel j2 7", "job.delete j2 local",
          "rule.delete " + rule_id + " local"});
}

TEST_CASE_METHOD(approvals_fixture, "a database of the first version goes on",
                 "[store][approvals][sqlite]") {
  submit("j1");
  stop();
  path = directory.file("old.db");
  std::ofstream{path}; // as an older daemon left it
  {
    sql::connection old{
      sql::open_sqlite(path, sql::connection::mode::read_write)};
    sql::migrate(old, 1);
    old.execute("INSERT INTO jobs (id, job_type, provider, status, "
                "config_name, user_id, org_id, team_id, created_at, "
                "hardware_type, hardware_profile, error_message, output_url, "
                "metadata, correlation_id, queue, priority, queued_at, "
                "not_before, attempts_used, max_attempts, external_id) VALUES "
                "('old', 'cloud', 'replicate', 'pending', '', '7', '', '', 1, "
                "'', '', '', '', '{}', 'corr-old', 'pending', 10, 1, 0, 0, 3, "
                "'')");
    old.execute("INSERT INTO job_inputs (job_id, version, body, fingerprint, "
                "webhook_url) VALUES ('old', 'v', '{}', 'f', '')");
  }
  start();
  CHECK(get("old").approval_id == 0);
  CHECK(claim({"old"}).claimed.size() == 1);
  const auto id = blocked("new").approval_id;
  ask<approval_decided>(aut, decision(id, approval_verdict::approve));
  CHECK(claim({"new"}).claimed.size() == 1);
}
