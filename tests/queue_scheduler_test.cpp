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

  cancel_job cancellation(const std::string& id, caller who = {}) {
    return {{"corr-cancel"}, who, id};
  }

  ec refused_cancel(const std::string& id, caller who = {}) {
    return code_of(ask_error<job_found>(aut, cancellation(id, who)));
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

TEST_CASE_METHOD(scheduler_fixture, "a lost claim keeps no slot",
                 "[queue_scheduler][Q3]") {
  start();
  set(1, 1);
  knobs.spoil<claim_jobs>(fate::lose_request);
  submit("a");
  advance(9s);
  CHECK(there.made.empty());
  advance(15s);
  CHECK(there.made_for("a") == 1);
}

TEST_CASE_METHOD(scheduler_fixture, "a claim whose answer is lost is settled",
                 "[queue_scheduler][Q3]") {
  start();
  set(1, 1);
  knobs.spoil<claim_jobs>(fate::lose_answer);
  submit("a");
  submit("b", "bob");
  advance(20s);
  CHECK(there.made.empty()); // nobody knows that a was not submitted
  advance(2min);
  CHECK(there.made_for("a") == 1);
  CHECK(there.made_for("b") == 0);
}

TEST_CASE_METHOD(scheduler_fixture, "what cannot be recorded is kept",
                 "[queue_scheduler][Q3]") {
  start();
  knobs.spoil<record_submission>(fate::fail, 5);
  submit("a");
  advance(1min);
  CHECK(there.submits.size() == 1);
  CHECK(get("a").external_id == "x1");
}

TEST_CASE_METHOD(scheduler_fixture, "a record whose answer is lost is no other",
                 "[queue_scheduler][Q3]") {
  start();
  knobs.spoil<record_submission>(fate::lose_answer);
  submit("a");
  advance(2min);
  CHECK(there.submits.size() == 1);
  CHECK(there.lists.empty());
  CHECK(get("a").queue == queue_status::running);
}

TEST_CASE_METHOD(scheduler_fixture,
                 "a submission in doubt is found and adopted",
                 "[queue_scheduler][Q3]") {
  start();
  const auto how = GENERATE(mood::lose_created, mood::hang_created);
  there.visible_after = 12s;
  submit_once(how);
  advance(90s);
  CHECK(there.submits.size() == 1);
  CHECK(get("a").external_id == "x1");
  CHECK(log.contains("WARNING", "Submission of job a is in doubt"));
  CHECK(log.contains("INFO", "Job a already submitted to provider (status: "
                             "queued), updating queue"));
}

TEST_CASE_METHOD(scheduler_fixture,
                 "what was lost is submitted again after the window only",
                 "[queue_scheduler][Q3]") {
  start();
  submit_once(mood::lose);
  advance(29s);
  CHECK(there.submits.size() == 1);
  CHECK(get("a").queue == queue_status::ready); // it holds its slot
  advance(2s);
  CHECK(there.submits.size() == 2);
  CHECK(there.made_for("a") == 1);
  CHECK(get("a").attempts_used == 0);
}

TEST_CASE_METHOD(scheduler_fixture, "without its list nothing is tried again",
                 "[queue_scheduler][Q3]") {
  start();
  there.is_list_broken = true;
  submit_once(mood::lose);
  advance(3min);
  CHECK(there.submits.size() == 1);
  there.is_list_broken = false;
  advance(40s);
  CHECK(there.made_for("a") == 1);
}

TEST_CASE_METHOD(scheduler_fixture, "equal jobs adopt each its own",
                 "[queue_scheduler][Q2]") {
  start();
  there.on_submit = [n = 0](auto&) mutable {
    return ++n <= 2 ? mood::lose_created : mood::accept;
  };
  submit("a");
  submit("b");
  advance(1min);
  CHECK(there.made.size() == 2);
  CHECK(!get("a").external_id.empty());
  CHECK(!get("b").external_id.empty());
  CHECK(get("a").external_id != get("b").external_id);
}

TEST_CASE_METHOD(scheduler_fixture,
                 "an equal job that is over is not adopted again",
                 "[queue_scheduler][Q2]") {
  start();
  submit("done");
  poll("done", job_status::completed);
  submit_once(mood::lose, "a");
  advance(2min);
  CHECK(there.made_for("a") == 1);
  CHECK(get("a").external_id == "x2");
}

TEST_CASE_METHOD(scheduler_fixture,
                 "a known job that is over leaves nothing to a person",
                 "[queue_scheduler][Q3]") {
  start();
  there.shows_inputs = false;
  submit("done");
  poll("done", job_status::completed);
  submit_once(mood::lose, "a");
  advance(2min);
  CHECK(there.made_for("a") == 1); // the only candidate was another's
  CHECK(get("a").external_id == "x2");
}

TEST_CASE_METHOD(scheduler_fixture, "a person decides what no list can",
                 "[queue_scheduler][Q3]") {
  start();
  set(1, 1);
  there.shows_inputs = false;
  submit_once(mood::lose_created);
  submit("b", "bob");
  advance(3min);
  CHECK(there.submits.size() == 1); // b waits: the slot is held
  const auto open
    = ask<queue_snapshot>(store_itself, load_queue{{"test"}}).attempts;
  REQUIRE(open.size() == 1);
  CHECK(open[0].state == attempt_state::unresolved);
  CHECK(log.contains("WARNING", "a person must resolve it"));
}

TEST_CASE_METHOD(scheduler_fixture, "a dead daemon's claim is settled by list",
                 "[queue_scheduler][Q3]") {
  const auto made = GENERATE(true, false);
  start();
  there.on_submit
    = [=](auto&) { return made ? mood::hang_created : mood::hang; };
  submit("a");
  settle();
  kill();
  there.on_submit = [](auto&) { return mood::accept; };
  advance(1s);
  scheduler_settings.process_started = now();
  start();
  if (made)
    CHECK(get("a").external_id == "x1"); // at once
  advance(29s);
  CHECK(there.submits.size() == 1);
  advance(5s);
  CHECK(there.made_for("a") == 1);
}

TEST_CASE_METHOD(scheduler_fixture,
                 "a request that outlives the scheduler is waited for",
                 "[queue_scheduler][Q3]") {
  start();
  submit_once(mood::hang_late);
  there.late_by = 50s;
  kill();
  there.late.at(0).first = now() + 50s;
  start(); // alone: the gateway still has the request
  for (int i = 0; i < 120; ++i) {
    advance(1s);
    there.make_late();
  }
  CHECK(there.made.size() == 1);
  CHECK(get("a").external_id == "x1");
}

TEST_CASE_METHOD(scheduler_fixture, "no credit parks the provider",
                 "[queue_scheduler]") {
  start();
  set(5, 5);
  there.on_submit = [](auto&) { return mood::no_credit; };
  for (const auto* id : {"a", "b", "c", "d"})
    submit(id);
  settle();
  const auto before = there.submits.size();
  CHECK(before <= 4);
  advance(2min);
  CHECK(there.submits.size() <= before + 15); // backs off, one at a time
  CHECK(there.submits.size() > before + 3);
  there.on_submit = [](auto&) { return mood::accept; };
  advance(31s);
  CHECK(there.made.size() == 4);
  CHECK(get("a").attempts_used == 0);
  CHECK(log.contains("ERROR", "Failed to dispatch job a: because"));
  CHECK(log.lines_with("Provider replicate takes no jobs").size() == 1);
}

TEST_CASE_METHOD(scheduler_fixture, "an outage fails no job",
                 "[queue_scheduler][Q8]") {
  start();
  set(5, 5);
  there.on_submit = [](auto&) { return mood::unreachable; };
  for (const auto* id : {"a", "b", "c"})
    submit(id);
  advance(10min);
  CHECK(there.submits.size() < 120);
  CHECK(there.submits.size() > 10);
  there.on_submit = [](auto&) { return mood::accept; };
  advance(61s);
  for (const auto* id : {"a", "b", "c"})
    CHECK(there.made_for(id) == 1);
}

TEST_CASE_METHOD(scheduler_fixture, "an hour of any outage fails no job",
                 "[queue_scheduler][Q8]") {
  start();
  set(3, 3);
  there.on_submit = [n = 0](auto&) mutable {
    constexpr std::array outage{mood::unreachable, mood::lose, mood::throttle,
                                mood::no_credit};
    return outage.at(static_cast<size_t>(n++) % outage.size());
  };
  for (const auto* id : {"a", "b", "c", "d"})
    submit(id, id);
  advance(1h, 1s);
  CHECK(there.made.empty());
  for (const auto* id : {"a", "b", "c", "d"})
    CHECK(get(id).status == job_status::pending);
  there.on_submit = [](auto&) { return mood::accept; };
  advance(5min, 1s);
  CHECK(there.made.size() == 3);
  poll("a", job_status::completed);
  advance(10s);
  CHECK(there.made.size() == 4);
  for (const auto* id : {"a", "b", "c", "d"})
    CHECK(there.made_for(id) == 1);
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

TEST_CASE_METHOD(scheduler_fixture, "a throttling provider is left alone",
                 "[queue_scheduler]") {
  start();
  submit_once(mood::throttle);
  submit("b");
  advance(19s);
  CHECK(there.submits.size() == 1);
  advance(2s);
  CHECK(there.made.size() == 2);
}

TEST_CASE_METHOD(scheduler_fixture, "a job is refused three times at most",
                 "[queue_scheduler][Q8]") {
  start();
  there.on_submit = [](const submit_to_provider& x) {
    return x.job_id == "bad" ? mood::refuse : mood::accept;
  };
  submit("bad");
  submit("good");
  advance(1min);
  CHECK(there.made_for("good") == 1);
  CHECK(there.submits.size() == 4);
  CHECK(get("bad").status == job_status::failed);
  CHECK(get("bad").error_message == "because");
}

TEST_CASE_METHOD(scheduler_fixture, "a slow provider call delays no other job",
                 "[queue_scheduler]") {
  start();
  submit_once(mood::hang);
  submit("b");
  settle();
  CHECK(there.made_for("b") == 1);
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

// -- cancelling ---------------------------------------------------------------

TEST_CASE_METHOD(scheduler_fixture, "a job without a slot ends at once",
                 "[queue_scheduler][Q4]") {
  start();
  set(1, 1);
  submit("a");
  submit("b");
  settle();
  const auto answer = ask<job_found>(aut, cancellation("b"));
  CHECK(answer.subject.status == job_status::cancelled);
  CHECK(answer.ctx.correlation_id == "corr-cancel");
  const auto ends = knobs.all<end_job>();
  REQUIRE(ends.size() == 1); // the audit log knows who it was, and when
  CHECK(ends[0].who.user_id == "local");
  CHECK(ends[0].ctx.correlation_id == "corr-cancel");
  poll("a", job_status::completed);
  advance(10s);
  CHECK(there.made.size() == 1);
  CHECK(refused_cancel("b") == ec::conflict);
}

TEST_CASE_METHOD(scheduler_fixture, "only its owner and admins cancel a job",
                 "[queue_scheduler]") {
  start();
  submit("a");
  settle();
  CHECK(refused_cancel("a", {.user_id = "bob", .level = caller_level::lead})
        == ec::permission_denied);
  CHECK(refused_cancel("a", {.user_id = "ann", .level = caller_level::viewer})
        == ec::permission_denied);
  CHECK(refused_cancel("b") == ec::job_not_found);
  CHECK(there.cancels.empty());
  const caller ann{
    .user_id = "ann", .level = caller_level::researcher, .token = "laptop"};
  ask<job_found>(aut, cancellation("a", ann));
  CHECK(there.cancels.at(0).ctx.correlation_id == "corr-a");
  CHECK(get("a").status == job_status::cancelled);
  CHECK(get("a").queue == queue_status::cancelled);
  const auto noted = knobs.all<append_audit>();
  REQUIRE(noted.size() == 1);
  CHECK(noted[0].entry.action == "job.cancel");
  CHECK(noted[0].entry.subject == "a");
  CHECK(noted[0].entry.user_id == "ann");
  CHECK(noted[0].entry.token == "laptop");
  CHECK(noted[0].entry.correlation_id == "corr-cancel");
}

TEST_CASE_METHOD(scheduler_fixture, "a lead cannot cancel the jobs of its org",
                 "[queue_scheduler]") {
  start();
  set(1, 1);
  submit("a");
  auto x = submission("b");
  x.subject.org_id = "lab";
  ask<job_submitted>(store_itself, x);
  const caller lead{
    .user_id = "eve", .org_id = "lab", .level = caller_level::lead};
  CHECK(refused_cancel("b", lead) == ec::permission_denied);
  CHECK(get("b").status == job_status::pending);
  CHECK(knobs.all<end_job>().empty());
}

TEST_CASE_METHOD(scheduler_fixture, "a terminal status found there wins",
                 "[queue_scheduler]") {
  start();
  submit("a");
  settle();
  there.find("x1")->status = job_status::completed;
  CHECK(render(ask_error<job_found>(aut, cancellation("a")))
        == "conflict: job a is completed");
  CHECK(get("a").status == job_status::completed);
}

TEST_CASE_METHOD(scheduler_fixture, "a cancellation that is late finds the end",
                 "[queue_scheduler]") {
  start();
  submit("a");
  settle();
  there.on_cancel = [this](auto&) {
    there.find("x1")->status = job_status::completed;
    return make_error(ec::provider_error, "HTTP 409");
  };
  CHECK(render(ask_error<job_found>(aut, cancellation("a")))
        == "conflict: job a is completed");
  CHECK(get("a").status == job_status::completed);
}

TEST_CASE_METHOD(scheduler_fixture, "what has stopped already holds no slot",
                 "[queue_scheduler][Q3]") {
  start();
  set(1, 1);
  submit_once(mood::hang_created);
  ask<job_found>(aut, cancellation("a"));
  there.on_cancel = [this](auto&) {
    there.find("x1")->status = job_status::cancelled;
    return make_error(ec::provider_error, "HTTP 409");
  };
  submit("b", "bob");
  advance(2min);
  CHECK(get("a").queue == queue_status::cancelled);
  CHECK(there.made_for("b") == 1);
}

TEST_CASE_METHOD(scheduler_fixture, "a job that must wait is no error",
                 "[queue_scheduler]") {
  start();
  submit_once(mood::throttle);
  CHECK(log.contains("WARNING", "Job a is put off: because"));
  CHECK(!log.contains("ERROR", "Failed to dispatch job a: because"));
}

TEST_CASE_METHOD(scheduler_fixture, "a provider that fails changes nothing",
                 "[queue_scheduler]") {
  start();
  submit("a");
  settle();
  there.on_cancel = [](auto&) { return make_error(ec::provider_error, "no"); };
  CHECK(refused_cancel("a") == ec::provider_error);
  there.on_cancel
    = [](auto&) { return make_error(ec::no_such_provider_job, "no"); };
  CHECK(refused_cancel("a") == ec::no_such_provider_job);
  CHECK(get("a").status == job_status::queued);
  advance(31s);
  CHECK(ask<job_found>(aut, cancellation("a")).subject.status
        == job_status::cancelled);
}

TEST_CASE_METHOD(scheduler_fixture,
                 "a job cancelled during its submission stops there, too",
                 "[queue_scheduler][Q4][Q11]") {
  start();
  set(1, 1);
  submit_once(mood::hang_created);
  CHECK(ask<job_found>(aut, cancellation("a")).subject.status
        == job_status::cancelled);
  there.on_cancel = [n = 0](auto&) mutable {
    return ++n <= 3 ? make_error(ec::provider_timeout, "no") : caf::error{};
  };
  submit("b", "bob");
  settle();
  CHECK(there.made_for("b") == 0); // the slot is held until a is stopped
  advance(2min);
  CHECK(there.find("x1")->status == job_status::cancelled);
  CHECK(get("a").status == job_status::cancelled);
  CHECK(get("a").queue == queue_status::cancelled);
  CHECK(there.made_for("b") == 1);
  CHECK(there.cancels.size() == 4);
  for (const auto& x : there.cancels)
    CHECK(x.ctx.correlation_id == "corr-a");
}

TEST_CASE_METHOD(scheduler_fixture,
                 "a new scheduler goes on stopping what is over",
                 "[queue_scheduler][Q3]") {
  start();
  there.visible_after = 10s;
  submit_once(mood::lose_created);
  there.on_cancel
    = [](auto&) { return make_error(ec::provider_timeout, "no"); };
  ask<job_found>(aut, cancellation("a"));
  advance(40s);
  kill();
  there.on_cancel = [](auto&) { return caf::error{}; };
  start();
  CHECK(there.find("x1")->status == job_status::cancelled);
  advance(1s);
  CHECK(
    ask<queue_snapshot>(store_itself, load_queue{{"test"}}).attempts.empty());
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
