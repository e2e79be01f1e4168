#include "tests/store_fixture.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

using namespace tunerd;
using namespace std::chrono_literals;

using store_fixture = test::store_fixture;
using enum submission_result;

// -- claim --------------------------------------------------------------------

TEST_CASE_METHOD(store_fixture, "a claim takes the slot and opens an attempt",
                 "[store][Q1]") {
  submit("j1");
  const auto answer = claim({"j1"});
  CHECK(answer.ctx.correlation_id == "corr-claim");
  REQUIRE(answer.claimed.size() == 1);
  const auto& x = answer.claimed[0];
  CHECK(x.subject.queue == queue_status::ready);
  CHECK(x.subject.status == job_status::pending);
  CHECK(x.input.version == "me/m:v1");
  CHECK(x.input.body == R"({"a":1})");
  const auto loaded = load();
  REQUIRE(loaded.attempts.size() == 1);
  const auto& open = loaded.attempts[0];
  CHECK(open.id == x.attempt_id);
  CHECK(open.job_id == "j1");
  CHECK(open.state == attempt_state::claimed);
  CHECK(open.fingerprint == "fp");
  CHECK(open.version == "me/m:v1");
  CHECK(open.body == R"({"a":1})");
  CHECK(open.claimed_at == now());
  CHECK(!open.job_over);
  CHECK(open.correlation_id == "corr-j1");
  CHECK(loaded.entries.at(0).status == queue_status::ready);
  CHECK(loaded.cursor == 2);
  CHECK(events().events.back().type == "queue_changed");
}

TEST_CASE_METHOD(store_fixture, "a job is claimed once", "[store][Q2]") {
  submit("j1");
  // Two schedulers at the same moment, one of them stuttering.
  auto a = self->request(aut, 1min, claim_jobs{{"a"}, {"j1", "j1"}});
  auto b = self->request(aut, 1min, claim_jobs{{"b"}, {"j1"}});
  settle();
  size_t claims = 0;
  const auto count = [&](const jobs_claimed& x) {
    claims += x.claimed.size();
    CHECK(x.refused.empty());
  };
  a.receive(count, [](const caf::error& err) { FAIL(render(err)); });
  b.receive(count, [](const caf::error& err) { FAIL(render(err)); });
  CHECK(claims == 1);
}

TEST_CASE_METHOD(store_fixture, "what must not run is not claimed",
                 "[store][Q4]") {
  auto blocked = submission("blocked");
  blocked.requires_approval = true;
  ask<job_submitted>(aut, blocked);
  submit("over");
  end("over");
  at_provider("there", "e1");
  const auto answer = claim({"blocked", "over", "there", "unknown"});
  CHECK(answer.claimed.empty());
  CHECK(answer.refused.empty());
  CHECK(load().attempts.empty());
}

TEST_CASE_METHOD(store_fixture, "limits hold at the claim, in every scope",
                 "[store][Q1][Q6]") {
  set_limits x{{"c"}, {}};
  x.max_concurrent = 6;
  x.user_max_concurrent = 2;
  x.team_max_concurrent = 3;
  x.org_max_concurrent = 4;
  x.enable_fair_share = true;
  ask<limits_in_force>(aut, x);
  const auto add = [this](const std::string& id, const std::string& user,
                          const std::string& org, const std::string& team) {
    auto command = submission(id, user);
    command.subject.org_id = org;
    command.subject.team_id = team;
    ask<job_submitted>(aut, command);
  };
  add("a1", "a", "o", "t");
  add("a2", "a", "o", "t");
  add("a3", "a", "o", "t");
  add("b1", "b", "o", "t");
  add("c1", "c", "o", "t");
  add("d1", "d", "o", "u");
  add("e1", "e", "o", "u");
  add("f1", "f", "", "t"); // another team of that name
  add("g1", "g", "", "");
  add("h1", "h", "", "");
  const auto answer
    = claim({"a1", "a2", "a3", "b1", "c1", "d1", "e1", "f1", "g1", "h1"});
  CHECK(answer.claimed.size() == 6);
  REQUIRE(answer.refused.size() == 4);
  CHECK(answer.refused.at("a3").find("per-user concurrency limits (2/2)")
        != std::string::npos);
  CHECK(answer.refused.at("c1").find("team concurrency limits (3/3)")
        != std::string::npos);
  CHECK(answer.refused.at("e1").find("org concurrency limits (4/4)")
        != std::string::npos);
  CHECK(answer.refused.at("h1") == "Global limit reached (6/6)");
  // The next transaction counts the same.
  CHECK(claim({"h1"}).refused.at("h1") == "Global limit reached (6/6)");
}

TEST_CASE_METHOD(store_fixture, "each provider has its own slots",
                 "[store][Q1]") {
  set_limits x{{"c"}, {}};
  x.provider_max_concurrent = 1;
  CHECK(ask<limits_in_force>(aut, x).limits.provider_max_concurrent == 1);
  for (const auto* id : {"a1", "a2", "b1"}) {
    auto command = submission(id);
    command.subject.provider = id[0] == 'a' ? "replicate" : "simpletuner_io";
    ask<job_submitted>(aut, command);
  }
  const auto answer = claim({"a1", "a2", "b1"});
  CHECK(answer.claimed.size() == 2);
  REQUIRE(answer.refused.count("a2") == 1);
  CHECK(answer.refused.at("a2")
        == "Provider replicate is at the provider concurrency limits (1/1)");
}

TEST_CASE_METHOD(store_fixture, "a team is limited with fair share only",
                 "[store][Q6]") {
  limits.team_max_concurrent = 1;
  limits.user_max_concurrent = 5;
  stop();
  start();
  for (const auto* id : {"j1", "j2"}) {
    auto command = submission(id);
    command.subject.team_id = "t";
    ask<job_submitted>(aut, command);
  }
  CHECK(claim({"j1", "j2"}).claimed.size() == 2);
}

TEST_CASE_METHOD(store_fixture, "raised limits act at once, lowered ones too",
                 "[store][Q9]") {
  limit(1, 1);
  submit("j1");
  submit("j2");
  CHECK(claim({"j1", "j2"}).claimed.size() == 1);
  limit(2, 2);
  CHECK(claim({"j2"}).claimed.size() == 1);
  limit(1, 1);
  submit("j3", "8");
  CHECK(claim({"j3"}).refused.at("j3") == "Global limit reached (2/1)");
}

// -- record -------------------------------------------------------------------

TEST_CASE_METHOD(store_fixture, "an accepted job runs at the provider",
                 "[store][Q3]") {
  auto x = outcome("j1", claimed("j1"), accepted, "e1");
  x.outcome.seen.status = job_status::running;
  x.outcome.seen.started_at = now();
  const auto answer = record(x);
  CHECK(answer.ctx.correlation_id == "corr-record");
  CHECK(!answer.cancel_at_provider);
  const auto stored = get("j1");
  CHECK(stored.external_id == "e1");
  CHECK(stored.status == job_status::running);
  CHECK(stored.queue == queue_status::running);
  CHECK(stored.started_at == now());
  CHECK(load().attempts.empty());
  const auto head = events().head;
  CHECK(!record(x).poll_at_once); // The same again changes nothing.
  CHECK(events().head == head);
  x.outcome.seen.external_id = "e2";
  CHECK(refused<submission_recorded>(x) == ec::conflict); // it is closed
}

TEST_CASE_METHOD(store_fixture,
                 "an unknown status of an accepted job is queued",
                 "[store][P7]") {
  CHECK(at_provider("j1", "e1").status == job_status::queued);
}

TEST_CASE_METHOD(store_fixture, "a job may be over when it is accepted",
                 "[store]") {
  auto x = outcome("j1", claimed("j1"), accepted, "e1");
  x.outcome.seen.status = job_status::failed;
  x.outcome.seen.error_message = "no GPU";
  record(x);
  const auto stored = get("j1");
  CHECK(stored.status == job_status::failed);
  CHECK(stored.queue == queue_status::failed);
  CHECK(stored.error_message == "no GPU");
  CHECK(stored.completed_at == now());
  CHECK(load().entries.empty());
}

TEST_CASE_METHOD(store_fixture,
                 "an external id belongs to one attempt for ever",
                 "[store][Q2][Q3]") {
  at_provider("j1", "e1");
  const auto other = claimed("j2");
  const auto x = outcome("j2", other, accepted, "e1");
  CHECK(refused<submission_recorded>(x) == ec::conflict);
  CHECK(load().attempts.size() == 1);
  auto over = seen("j1", job_status::completed);
  apply(over);
  ask<job_found>(aut, delete_job{{"c"}, {}, "j1"});
  CHECK(refused<submission_recorded>(x) == ec::conflict);
  CHECK(record(outcome("j2", other, accepted, "e2")).subject.external_id
        == "e2");
  CHECK(refused<submission_recorded>(outcome("j2", other, accepted, ""))
        == ec::conflict);
}

TEST_CASE_METHOD(store_fixture, "an outage of the provider uses no attempt up",
                 "[store][Q8]") {
  auto attempt = claimed("j1");
  for (int i = 0; i < 5; ++i) {
    auto x = outcome("j1", attempt, i % 2 ? unavailable : not_accepted);
    x.delay = 8s;
    CHECK(record(x).subject.queue == queue_status::pending);
    CHECK(get("j1").not_before == now() + 8s);
    CHECK(claim({"j1"}).claimed.empty());
    advance(8s);
    attempt = claim({"j1"}).claimed.at(0).attempt_id;
  }
  CHECK(get("j1").attempts_used == 0);
  CHECK(get("j1").status == job_status::pending);
}

TEST_CASE_METHOD(store_fixture, "the third refusal of a job is final",
                 "[store][Q8]") {
  submit("j1");
  for (int i = 1; i <= 3; ++i) {
    const auto attempt = claim({"j1"}).claimed.at(0).attempt_id;
    CHECK(record(outcome("j1", attempt, submission_result::refused))
            .subject.attempts_used
          == i);
  }
  const auto stored = get("j1");
  CHECK(stored.status == job_status::failed);
  CHECK(stored.queue == queue_status::failed);
  CHECK(stored.error_message == "because");
  CHECK(load().entries.empty());
}

TEST_CASE_METHOD(store_fixture, "an attempt in doubt keeps its slot",
                 "[store][Q3]") {
  limit(1, 1);
  const auto attempt = claimed("j1");
  record(outcome("j1", attempt, in_doubt));
  const auto since = now();
  advance(1s);
  const auto head = events().head;
  record(outcome("j1", attempt, in_doubt)); // says nothing new
  CHECK(events().head == head);
  record(outcome("j1", attempt, unresolved));
  const auto open = load().attempts.at(0);
  CHECK(open.state == attempt_state::unresolved);
  CHECK(open.doubt_since == since);
  CHECK(events().head == head + 1);
  submit("j2");
  CHECK(claim({"j2"}).refused.size() == 1);
  // Found in a listing at last.
  CHECK(record(outcome("j1", attempt, accepted, "e1")).subject.queue
        == queue_status::running);
}

TEST_CASE_METHOD(store_fixture, "what was released cannot be accepted later",
                 "[store][Q2]") {
  const auto attempt = claimed("j1");
  record(outcome("j1", attempt, not_accepted));
  CHECK(refused<submission_recorded>(outcome("j1", attempt, accepted, "e1"))
        == ec::conflict);
  const auto next = claim({"j1"}).claimed.at(0).attempt_id;
  CHECK(next != attempt);
  CHECK(refused<submission_recorded>(outcome("j1", attempt, accepted, "e1"))
        == ec::conflict);
  CHECK(refused<submission_recorded>(outcome("no", next, not_accepted))
        == ec::job_not_found);
}

TEST_CASE_METHOD(store_fixture, "subscribers are told of a twin, once",
                 "[store][Q2][E1]") {
  const auto attempt = claimed("j1");
  record(outcome("j1", attempt, in_doubt));
  record(outcome("j1", attempt, not_accepted)); // seen to be missing
  const auto head = events().head;
  const note_twin command{{"corr-twin"}, "j1", attempt, "late"};
  ask<job_found>(aut, command);
  const auto told = events(head).events;
  const auto twin = std::find_if(told.begin(), told.end(), [](const event& x) {
    return x.type == "job_submission_twin";
  });
  REQUIRE(twin != told.end());
  CHECK(is_streamed(twin->type));
  CHECK(twin->job_id == "j1");
  CHECK(twin->user_id == "7"); // its owner sees it
  CHECK(twin->correlation_id == "corr-j1");
  const auto data = nlohmann::json::parse(twin->data);
  CHECK(data["type"] == "job_submission_twin");
  CHECK(data["attempt_id"] == attempt);
  CHECK(data["external_job_id"] == "late");
  CHECK(data["source"] == "scheduler");
  const auto after = events().head;
  ask<job_found>(aut, command); // a repetition says nothing
  CHECK(events().head == after);
}

// -- end, with an attempt open ------------------------------------------------

TEST_CASE_METHOD(store_fixture, "a queued job is cancelled at once",
                 "[store][Q11]") {
  submit("j1");
  const auto ended = end("j1");
  CHECK(ended.status == job_status::cancelled);
  CHECK(ended.queue == queue_status::cancelled);
  CHECK(ended.completed_at == now());
  CHECK(ended.error_message == "no need");
  CHECK(refused<job_found>(end_job{{"c"}, "j1"}) == ec::conflict);
  CHECK(refused<job_found>(end_job{{"c"}, "no"}) == ec::job_not_found);
  CHECK(refused<job_found>(end_job{{"c"}, "j1", job_status::completed})
        == ec::validation_error);
}

TEST_CASE_METHOD(store_fixture, "a job at the provider is not ended alone",
                 "[store]") {
  at_provider("j1", "e1");
  CHECK(refused<job_found>(end_job{{"c"}, "j1"}) == ec::conflict);
  CHECK(get("j1").status == job_status::queued);
}

TEST_CASE_METHOD(store_fixture,
                 "a job cancelled in flight is cancelled at the provider",
                 "[store][Q3][Q11]") {
  limit(1, 1);
  const auto attempt = claimed("j1");
  const auto ended = end("j1");
  CHECK(ended.status == job_status::cancelled);
  CHECK(ended.queue == queue_status::ready);
  CHECK(load().attempts.at(0).job_over);
  const close_attempt close{{"c"}, "j1", attempt};
  CHECK(refused<job_found>(close) == ec::conflict); // still in flight
  auto answer = record(outcome("j1", attempt, accepted, "e1"));
  CHECK(answer.cancel_at_provider);
  CHECK(answer.subject.external_id == "e1");
  CHECK(answer.subject.status == job_status::cancelled);
  CHECK(load().attempts.at(0).external_id == "e1");
  submit("j2");
  CHECK(claim({"j2"}).refused.size() == 1); // the slot is held
  CHECK(record(outcome("j1", attempt, accepted, "e1")).cancel_at_provider);
  CHECK(refused<submission_recorded>(outcome("j1", attempt, not_accepted))
        == ec::conflict);
  CHECK(ask<job_found>(aut, close).subject.queue == queue_status::cancelled);
  CHECK(ask<job_found>(aut, close).subject.queue == queue_status::cancelled);
  CHECK(load().attempts.empty());
  CHECK(claim({"j2"}).claimed.size() == 1);
}

TEST_CASE_METHOD(store_fixture,
                 "a cancelled job's failed attempt frees its slot",
                 "[store][Q3]") {
  const auto attempt = claimed("j1");
  end("j1");
  record(outcome("j1", attempt, in_doubt));
  CHECK(get("j1").queue == queue_status::ready);
  const auto answer = record(outcome("j1", attempt, not_accepted));
  CHECK(!answer.cancel_at_provider);
  CHECK(answer.subject.status == job_status::cancelled);
  CHECK(answer.subject.queue == queue_status::cancelled);
  CHECK(load().entries.empty());
}

TEST_CASE_METHOD(store_fixture,
                 "an end seen there frees the slot of a job over",
                 "[store][Q3]") {
  const auto attempt = claimed("j1");
  end("j1");
  record(outcome("j1", attempt, accepted, "e1"));
  CHECK(!apply(seen("j1", job_status::running)).changed);
  CHECK(get("j1").queue == queue_status::ready);
  CHECK(!apply(seen("j1", job_status::cancelled)).changed);
  CHECK(get("j1").queue == queue_status::cancelled);
  CHECK(load().attempts.empty());
}

// -- what the scheduler follows -----------------------------------------------

TEST_CASE_METHOD(store_fixture, "some jobs are re-read like all of them",
                 "[store]") {
  submit("j1");
  submit("j2");
  submit("j3");
  claim({"j2"});
  end("j3");
  const auto all = load();
  CHECK(all.entries.size() == 2);
  CHECK(all.attempts.size() == 1);
  CHECK(all.limits.max_concurrent == 5);
  CHECK(all.cursor == events().head);
  const auto some = ask<queue_snapshot>(
    aut, reload_queue{{"corr"}, {"j2", "j3", "j2", "unknown"}});
  CHECK(some.ctx.correlation_id == "corr");
  CHECK(some.cursor == all.cursor);
  REQUIRE(some.entries.size() == 1);
  CHECK(some.entries[0].job_id == "j2");
  CHECK(some.attempts.size() == 1);
}

TEST_CASE_METHOD(store_fixture, "an override is the entry's priority",
                 "[store][Q5]") {
  auto x = submission("j1");
  x.subject.priority_override = 33;
  ask<job_submitted>(aut, x);
  CHECK(load().entries.at(0).priority == 33);
}
