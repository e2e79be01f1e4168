#include "tests/dispatch_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;

namespace {

struct scheduler_fixture : dispatch_fixture {
  /// Positions as the scheduler answers them now.
  std::map<std::string, int64_t> places(std::vector<std::string> ids,
                                        int64_t event_id = 0) {
    return ask<queue_positions>(
             aut,
             get_queue_positions{{"corr-places"}, std::move(ids), event_id})
      .positions;
  }
};

} // namespace

TEST_CASE_METHOD(scheduler_fixture, "a waiting job goes to its provider once",
                 "[queue_scheduler][L3]") {
  start();
  submit("a");
  settle();
  REQUIRE(there.made.size() == 1);
  const auto job = get("a");
  CHECK(job.status == job_status::queued);
  CHECK(job.queue == queue_status::running);
  CHECK(job.external_id == "x1");
  advance(1min);
  CHECK(there.submits.size() == 1);
  for (const auto* text :
       {"Queue scheduler started with 5s processing interval",
        "Queue background processing started (interval: 5.0s)",
        "Queue processing started", "Dispatching job a to replicate",
        "Dispatched 1 jobs: a", "No job ready: No pending jobs in queue"})
    CHECK(log.contains(text));
}

TEST_CASE_METHOD(scheduler_fixture,
                 "all that is said about a job carries its context",
                 "[queue_scheduler][L1][L3]") {
  start();
  submit_once(mood::lose_created);
  advance(1min);
  REQUIRE(get("a").external_id == "x1");
  CHECK(there.submits.at(0).ctx.correlation_id == "corr-a");
  CHECK(there.submits.at(0).ctx.fields.at("job_id") == "a");
  CHECK(there.lists.at(0).ctx.correlation_id == "corr-a");
  for (const auto& x : knobs.all<record_submission>())
    CHECK(x.ctx.correlation_id == "corr-a");
  const auto claims = knobs.all<claim_jobs>();
  CHECK(claims.at(0).ctx.correlation_id.size() == 12);
  for (const auto& line : log.lines_with("job a"))
    CHECK(line.correlation_id == "corr-a");
}

TEST_CASE_METHOD(scheduler_fixture, "limits hold and a free slot is used",
                 "[queue_scheduler][Q1]") {
  set(3, 2);
  for (const auto* id : {"a1", "a2", "a3", "a4"})
    submit(id);
  for (const auto* id : {"b1", "b2"})
    submit(id, "bob");
  start();
  CHECK(there.made.size() == 3);
  CHECK(there.made_for("a3") == 0);
  CHECK(get("b1").queue == queue_status::running);
  loses_hints = true;
  poll("b1", job_status::completed);
  CHECK(there.made.size() == 3);
  advance(5s); // without a hint the tick finds it
  CHECK(there.made_for("b2") == 1);
  loses_hints = false;
  poll("a1", job_status::failed);
  settle();
  CHECK(there.made_for("a3") == 1);
  set(4, 3);
  settle();
  CHECK(there.made.size() == 6);
}

TEST_CASE_METHOD(scheduler_fixture, "a hint that leaves a gap is made up for",
                 "[queue_scheduler]") {
  start();
  set(1, 1);
  submit("a");
  loses_hints = true;
  submit("b");
  poll("a", job_status::completed);
  loses_hints = false;
  submit("c");
  settle();
  CHECK(there.made_for("b") == 1);
  CHECK(there.made_for("c") == 0);
}

TEST_CASE_METHOD(scheduler_fixture, "the start waits for the store",
                 "[queue_scheduler]") {
  submit("a");
  knobs.spoil<load_queue>(fate::fail, 3);
  start();
  CHECK(there.made.empty());
  advance(15s);
  CHECK(there.made.size() == 1);
  CHECK(log.contains("ERROR", "Failed to start queue processing: "
                              "database_error: disk full on purpose"));
}

TEST_CASE_METHOD(scheduler_fixture, "a claim that fails is tried again",
                 "[queue_scheduler]") {
  start();
  knobs.spoil<claim_jobs>(fate::fail, 4);
  submit("a");
  advance(30s);
  CHECK(there.made_for("a") == 1);
}

TEST_CASE_METHOD(scheduler_fixture, "without any hint all jobs run",
                 "[queue_scheduler][Q1]") {
  loses_hints = true;
  start();
  set(2, 2);
  for (int i = 0; i < 10; ++i)
    submit("j" + std::to_string(i));
  std::set<std::string> done;
  for (int i = 0; i < 20 && done.size() < 10; ++i) {
    advance(5s);
    for (const auto& x : std::vector{there.made})
      if (!is_terminal(x.status)) {
        poll(x.job_id, job_status::completed);
        done.insert(x.job_id);
      }
  }
  CHECK(done.size() == 10); // two per tick
  CHECK(there.made.size() == 10);
}

TEST_CASE_METHOD(scheduler_fixture, "two schedulers never submit a job twice",
                 "[queue_scheduler][Q2]") {
  for (int i = 0; i < 8; ++i)
    submit("j" + std::to_string(i), "u" + std::to_string(i));
  start();
  const auto first = aut;
  start();
  advance(2min);
  CHECK(there.made.size() == 5);
  for (int i = 0; i < 5; ++i)
    poll("j" + std::to_string(i), job_status::completed);
  advance(2min);
  CHECK(there.made.size() == 8);
  CHECK(there.submits.size() == 8);
}

// -- positions ----------------------------------------------------------------

TEST_CASE_METHOD(scheduler_fixture, "a place in the queue is true",
                 "[queue_scheduler][Q10]") {
  start();
  set(1, 1);
  for (const auto* id : {"a", "b", "c"})
    submit(id);
  settle();
  CHECK(places({"a", "b", "c", "d"})
        == std::map<std::string, int64_t>{{"b", 1}, {"c", 2}});
}

TEST_CASE_METHOD(scheduler_fixture, "a place waits for the job's own event",
                 "[queue_scheduler][Q10]") {
  start();
  set(1, 1);
  submit("a");
  settle();
  loses_hints = true;
  const auto event_id = submit("b").event_id;
  CHECK(places({"b"}, event_id).at("b") == 1);
  auto pending = self->request(
    aut, 1min, get_queue_positions{{"corr-late"}, {"b"}, event_id + 100});
  advance(900ms);
  CHECK(!self->has_next_message());
  advance(200ms);
  pending.receive(
    [](const queue_positions& x) {
      CHECK(x.positions.at("b") == 1);
      CHECK(x.ctx.correlation_id == "corr-late");
    },
    [](const caf::error& err) { FAIL(render(err)); });
}

// -- stopping -----------------------------------------------------------------

TEST_CASE_METHOD(scheduler_fixture, "a stop waits for what is in flight",
                 "[queue_scheduler]") {
  start();
  knobs.spoil<record_submission>(fate::fail, 2);
  submit("a");
  settle();
  submit("b");
  caf::anon_send_exit(aut, caf::exit_reason::user_shutdown);
  settle();
  submit("c");
  settle();
  CHECK(!log.contains("Queue scheduler stopped"));
  advance(5s);
  CHECK(log.lines_with("Queue scheduler stopped").size() == 1);
  CHECK(get("a").external_id == "x1");
  CHECK(get("c").queue == queue_status::pending);
}

TEST_CASE_METHOD(scheduler_fixture, "a stop does not wait for ever",
                 "[queue_scheduler]") {
  start();
  submit_once(mood::hang);
  caf::anon_send_exit(aut, caf::exit_reason::user_shutdown);
  advance(2900ms);
  CHECK(!log.contains("Queue scheduler stopped"));
  advance(100ms); // not at the next tick only
  CHECK(log.contains("Queue scheduler stopped"));
  CHECK(get("a").queue == queue_status::ready);
}

// -- counting -----------------------------------------------------------------

TEST_CASE_METHOD(scheduler_fixture, "what is dispatched is counted",
                 "[queue_scheduler][L5]") {
  const auto& counts = *scheduler_settings.counts;
  start();
  submit("a");
  settle();
  CHECK(counts.dispatches.value() == 1);
  CHECK(counts.dispatch_failures.value() == 0);
  submit_once(mood::unreachable, "b");
  CHECK(counts.dispatch_failures.value() == 1);
  advance(1min);
  CHECK(counts.dispatches.value() == 3);
  poll("a", job_status::completed);
  leave_unresolved("c");
  CHECK(counts.attempts_in_doubt.value() == 1);
  CHECK(counts.attempts_unresolved.value() == 1);
  CHECK(counts.claims_refused.value() == 0);
  knobs.on_answer = [](const caf::message& x) {
    if (!x.match_elements<claim_jobs>())
      return caf::message{};
    return caf::make_message(
      jobs_claimed{{}, {}, {{"d", "Global limit reached (5/5)"}}});
  };
  submit("d", "bob");
  settle();
  CHECK(counts.claims_refused.value() == 1);
  advance(5s); // asked again, but not in a circle
  CHECK(counts.claims_refused.value() > 1);
  CHECK(counts.claims_refused.value() < 10);
}
