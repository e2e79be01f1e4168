#include "tests/dispatch_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;

namespace {

struct cancel_fixture : dispatch_fixture {
  cancel_job cancellation(const std::string& id, caller who = {}) {
    return {{"corr-cancel"}, who, id};
  }

  ec refused_cancel(const std::string& id, caller who = {}) {
    return code_of(ask_error<job_found>(aut, cancellation(id, who)));
  }
};

} // namespace

TEST_CASE_METHOD(cancel_fixture, "a job without a slot ends at once",
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

TEST_CASE_METHOD(cancel_fixture, "only its owner and admins cancel a job",
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

TEST_CASE_METHOD(cancel_fixture, "a lead cannot cancel the jobs of its org",
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

TEST_CASE_METHOD(cancel_fixture, "a terminal status found there wins",
                 "[queue_scheduler]") {
  start();
  submit("a");
  settle();
  there.find("x1")->status = job_status::completed;
  CHECK(render(ask_error<job_found>(aut, cancellation("a")))
        == "conflict: job a is completed");
  CHECK(get("a").status == job_status::completed);
}

TEST_CASE_METHOD(cancel_fixture, "a cancellation that is late finds the end",
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

TEST_CASE_METHOD(cancel_fixture, "what has stopped already holds no slot",
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

TEST_CASE_METHOD(cancel_fixture, "a job that must wait is no error",
                 "[queue_scheduler]") {
  start();
  submit_once(mood::throttle);
  CHECK(log.contains("WARNING", "Job a is put off: because"));
  CHECK(!log.contains("ERROR", "Failed to dispatch job a: because"));
}

TEST_CASE_METHOD(cancel_fixture, "a provider that fails changes nothing",
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

TEST_CASE_METHOD(cancel_fixture,
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

TEST_CASE_METHOD(cancel_fixture,
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
