#include "tests/dispatch_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;

// Answers that are lost, and what a provider's list says about them.

TEST_CASE_METHOD(dispatch_fixture, "a lost claim keeps no slot",
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

TEST_CASE_METHOD(dispatch_fixture, "a claim whose answer is lost is settled",
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

TEST_CASE_METHOD(dispatch_fixture, "what cannot be recorded is kept",
                 "[queue_scheduler][Q3]") {
  start();
  knobs.spoil<record_submission>(fate::fail, 5);
  submit("a");
  advance(1min);
  CHECK(there.submits.size() == 1);
  CHECK(get("a").external_id == "x1");
}

TEST_CASE_METHOD(dispatch_fixture, "a record whose answer is lost is no other",
                 "[queue_scheduler][Q3]") {
  start();
  knobs.spoil<record_submission>(fate::lose_answer);
  submit("a");
  advance(2min);
  CHECK(there.submits.size() == 1);
  CHECK(there.lists.empty());
  CHECK(get("a").queue == queue_status::running);
}

TEST_CASE_METHOD(dispatch_fixture, "a submission in doubt is found and adopted",
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

TEST_CASE_METHOD(dispatch_fixture,
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

TEST_CASE_METHOD(dispatch_fixture, "without its list nothing is tried again",
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

TEST_CASE_METHOD(dispatch_fixture, "equal jobs adopt each its own",
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

TEST_CASE_METHOD(dispatch_fixture,
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

TEST_CASE_METHOD(dispatch_fixture,
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

TEST_CASE_METHOD(dispatch_fixture, "a person decides what no list can",
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

TEST_CASE_METHOD(dispatch_fixture, "a dead daemon's claim is settled by list",
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

TEST_CASE_METHOD(dispatch_fixture,
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
