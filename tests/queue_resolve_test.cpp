#include "tests/dispatch_fixture.hpp"

// What a person decides about an attempt that no listing can settle.

using namespace tunerd;
using namespace tunerd::test;

namespace {

struct resolve_fixture : dispatch_fixture {
  resolve_fixture() {
    set(1, 1);
    start();
  }

  static resolve_attempt decision(attempt_decision what,
                                  const std::string& external_id = {}) {
    return {{"corr-resolve"},
            {.user_id = "eve", .token = "ops"},
            "a",
            what,
            external_id};
  }

  job resolve(attempt_decision what, const std::string& external_id = {}) {
    const auto answer = ask<job_found>(aut, decision(what, external_id));
    CHECK(answer.ctx.correlation_id == "corr-resolve");
    return answer.subject;
  }

  caf::error refused(const resolve_attempt& command) {
    return ask_error<job_found>(aut, command);
  }

  void cancel() {
    ask<job_found>(aut, cancel_job{{"corr-cancel"}, {}, "a"});
  }

  std::vector<open_attempt> open() {
    return ask<queue_snapshot>(store_itself, load_queue{{"test"}}).attempts;
  }
};

constexpr auto adopt = attempt_decision::adopt;
constexpr auto resubmit = attempt_decision::resubmit;
constexpr auto give_up = attempt_decision::fail;

} // namespace

TEST_CASE_METHOD(resolve_fixture, "an adopted job is followed like any other",
                 "[queue_scheduler][resolve][Q3]") {
  leave_unresolved();
  REQUIRE(open().at(0).state == attempt_state::unresolved);
  const auto job = resolve(adopt, "x1");
  CHECK(job.external_id == "x1");
  CHECK(job.queue == queue_status::running);
  CHECK(there.gets.at(0).ctx.correlation_id == "corr-a");
  CHECK(open().empty());
  submit("b", "bob");
  advance(1min);
  CHECK(there.submits.size() == 1); // a holds the slot
  poll("a", job_status::completed);
  settle();
  CHECK(there.made_for("b") == 1);
  CHECK(log.contains("INFO", "Attempt of job a resolved by eve: adopt"));
  const auto noted = knobs.all<append_audit>();
  REQUIRE(noted.size() == 1);
  CHECK(noted[0].entry.action == "job.resolve");
  CHECK(noted[0].entry.details == "adopt x1");
  CHECK(noted[0].entry.user_id == "eve");
  CHECK(noted[0].entry.token == "ops");
  CHECK(noted[0].entry.correlation_id == "corr-resolve");
}

TEST_CASE_METHOD(resolve_fixture, "what is not there cannot be adopted",
                 "[queue_scheduler][resolve]") {
  leave_unresolved();
  CHECK(render(refused(decision(adopt, "x9")))
        == "conflict: the provider knows no job x9");
  CHECK(code_of(refused(decision(adopt))) == ec::validation_error);
  there.on_get = [](auto&) { return make_error(ec::provider_timeout, "no"); };
  CHECK(code_of(refused(decision(adopt, "x1"))) == ec::provider_timeout);
  there.on_get = [](auto&) { return caf::error{}; };
  CHECK(open().at(0).state == attempt_state::unresolved);
  CHECK(resolve(adopt, "x1").external_id == "x1");
}

TEST_CASE_METHOD(resolve_fixture, "another job's external id is not adopted",
                 "[queue_scheduler][resolve][Q2]") {
  submit("done", "bob");
  settle();
  poll("done", job_status::completed);
  leave_unresolved();
  CHECK(code_of(refused(decision(adopt, "x1"))) == ec::conflict);
  CHECK(get("a").external_id.empty());
  CHECK(resolve(adopt, "x2").external_id == "x2");
}

TEST_CASE_METHOD(resolve_fixture, "a job can be submitted again by decision",
                 "[queue_scheduler][resolve][Q3]") {
  leave_unresolved();
  const auto job = resolve(resubmit);
  CHECK(job.queue == queue_status::pending);
  CHECK(job.attempts_used == 0);
  settle();
  CHECK(there.submits.size() == 2);
  CHECK(get("a").external_id == "x2");
  advance(1min);
  CHECK(there.submits.size() == 2);
}

TEST_CASE_METHOD(resolve_fixture, "a job given up has failed for good",
                 "[queue_scheduler][resolve][Q3]") {
  leave_unresolved();
  submit("b", "bob");
  const auto job = resolve(give_up);
  CHECK(job.status == job_status::failed);
  CHECK(job.queue == queue_status::failed);
  CHECK(job.error_message == "Resolved by eve: failed");
  settle();
  CHECK(there.made_for("b") == 1); // its slot is free
  advance(5min);
  CHECK(there.made_for("a") == 1);
  CHECK(get("a").status == job_status::failed);
  CHECK(knobs.all<end_job>().at(0).who.user_id == "eve");
  CHECK(open().empty());
}

TEST_CASE_METHOD(resolve_fixture, "only admins resolve, and only what needs it",
                 "[queue_scheduler][resolve]") {
  auto command = decision(resubmit);
  CHECK(code_of(refused(command)) == ec::job_not_found);
  submit("a");
  settle();
  CHECK(render(refused(command))
        == "conflict: job a has no unresolved attempt");
  poll("a", job_status::completed);
  CHECK(code_of(refused(command)) == ec::conflict);
  for (auto level :
       {caller_level::viewer, caller_level::researcher, caller_level::lead}) {
    command.who = {.user_id = "ann", .level = level};
    CHECK(code_of(refused(command)) == ec::permission_denied);
  }
}

TEST_CASE_METHOD(resolve_fixture, "an attempt in doubt is left to the listing",
                 "[queue_scheduler][resolve]") {
  submit_once(mood::lose);
  CHECK(code_of(refused(decision(resubmit))) == ec::conflict);
  CHECK(there.submits.size() == 1);
}

TEST_CASE_METHOD(resolve_fixture, "a list that can never decide asks a person",
                 "[queue_scheduler][resolve][Q3]") {
  there.is_list_broken = true;
  there.list_failure = ec::not_found;
  submit_once(mood::lose_created);
  advance(20s);
  CHECK(open().at(0).state == attempt_state::in_doubt);
  advance(2min);
  REQUIRE(open().at(0).state == attempt_state::unresolved);
  CHECK(there.submits.size() == 1);
  CHECK(resolve(adopt, "x1").external_id == "x1");
}

TEST_CASE_METHOD(resolve_fixture, "what a cancelled job left there is stopped",
                 "[queue_scheduler][resolve][Q11]") {
  leave_unresolved();
  cancel();
  CHECK(get("a").queue == queue_status::ready);
  CHECK(render(refused(decision(resubmit)))
        == "conflict: job a is over: adopt or fail");
  CHECK(resolve(adopt, "x1").status == job_status::cancelled);
  settle();
  CHECK(there.find("x1")->status == job_status::cancelled);
  CHECK(get("a").queue == queue_status::cancelled);
  CHECK(open().empty());
}

TEST_CASE_METHOD(resolve_fixture, "a cancelled job that is given up is free",
                 "[queue_scheduler][resolve][Q11]") {
  leave_unresolved();
  cancel();
  const auto job = resolve(give_up);
  CHECK(job.status == job_status::cancelled); // terminal is final
  CHECK(job.queue == queue_status::cancelled);
  CHECK(open().empty());
}

TEST_CASE_METHOD(resolve_fixture, "a decision survives a store that fails",
                 "[queue_scheduler][resolve][Q3]") {
  leave_unresolved();
  knobs.spoil<record_submission>(fate::fail, 3);
  const auto answer = ask_slowly<job_found>(decision(adopt, "x1"));
  CHECK(!*answer);
  // Meanwhile it is settled already.
  CHECK(code_of(refused(decision(resubmit))) == ec::conflict);
  advance(30s);
  REQUIRE(*answer);
  REQUIRE(**answer);
  CHECK((**answer)->subject.external_id == "x1");
  CHECK(there.submits.size() == 1);
}

TEST_CASE_METHOD(resolve_fixture, "a crash in between can be made up for",
                 "[queue_scheduler][resolve][Q3]") {
  leave_unresolved();
  knobs.spoil<record_submission>(fate::lose_request);
  const auto lost = ask_slowly<job_found>(decision(give_up));
  kill();
  CHECK(!*lost);
  CHECK(get("a").status == job_status::failed);
  CHECK(get("a").queue == queue_status::ready); // still to be settled
  start();
  advance(1min);
  CHECK(there.submits.size() == 1);
  CHECK(resolve(give_up).queue == queue_status::failed);
  CHECK(open().empty());
}
