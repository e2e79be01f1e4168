#include "tests/dispatch_fixture.hpp"

// Requests that reach the provider after their job was submitted again.

using namespace tunerd;
using namespace tunerd::test;

namespace {

struct twins_fixture : dispatch_fixture {
  /// The first request of "a" travels for five minutes. At the end "a" was
  /// submitted again, as "x1".
  void lose_first_request() {
    start();
    there.late_by = 5min;
    submit_once(mood::hang_late);
    pass(3min);
    REQUIRE(get("a").external_id == "x1");
    REQUIRE(get("a").queue == queue_status::running);
    REQUIRE(there.made.size() == 1);
  }

  /// Time passes at the provider too.
  void pass(caf::timespan span) {
    for (caf::timespan t{0}; t < span; t += 5s) {
      advance(5s, 500ms);
      there.make_late();
    }
  }

  job_status at_provider(const std::string& external_id) {
    return there.find(external_id)->status;
  }

  std::vector<open_attempt> open_attempts() {
    return ask<queue_snapshot>(store_itself, load_queue{{"test"}}).attempts;
  }

  ec refusal_of_delete() {
    return code_of(
      ask_error<job_found>(store_itself, delete_job{{"test"}, {}, "a"}));
  }
};

} // namespace

TEST_CASE_METHOD(twins_fixture, "a request that arrives late is cancelled",
                 "[queue_scheduler][twins][Q2][Q3]") {
  lose_first_request();
  pass(3min);
  REQUIRE(there.made.size() == 2);
  REQUIRE(there.cancels.size() == 1);
  CHECK(there.cancels[0].external_id == "x2");
  CHECK(there.cancels[0].ctx.correlation_id == "corr-a");
  CHECK(at_provider("x2") == job_status::cancelled);
  CHECK(at_provider("x1") == job_status::queued);
  CHECK(get("a").external_id == "x1");
  CHECK(get("a").status == job_status::queued);
  CHECK(open_attempts().empty());
  CHECK(scheduler_settings.counts->twins_found.value() == 1);
  CHECK(log.contains("WARNING", "Job a reached replicate twice, x2 is "
                                "cancelled there"));
  const auto lists = there.lists.size();
  pass(5min);
  CHECK(there.lists.size() == lists); // nothing is expected any more
}

TEST_CASE_METHOD(twins_fixture, "what no record can take is cancelled",
                 "[queue_scheduler][twins][Q2]") {
  // Somebody settles the attempt while its request is under way.
  knobs.on_request = [this](const caf::message& x) {
    if (x.match_elements<record_submission>()) {
      auto other = x.get_as<record_submission>(0);
      other.outcome.seen.external_id = "x9";
      caf::anon_send(store_itself, other);
    }
    return fate::pass;
  };
  start();
  submit("a");
  settle();
  CHECK(get("a").external_id == "x9");
  REQUIRE(there.cancels.size() == 1);
  CHECK(there.cancels[0].external_id == "x1");
  CHECK(at_provider("x1") == job_status::cancelled);
  CHECK(scheduler_settings.counts->twins_found.value() == 1);
  CHECK(log.contains("WARNING", "Job a reached replicate twice, x1 is "
                                "cancelled there"));
  CHECK(get("a").queue == queue_status::running);
}

TEST_CASE_METHOD(twins_fixture, "what another job follows is not cancelled",
                 "[queue_scheduler][twins][Q2]") {
  start();
  submit_once(mood::lose, "b");
  const auto of_b = open_attempts().at(0).id;
  knobs.on_request = [this, of_b](const caf::message& x) {
    if (x.match_elements<record_submission>()
        && x.get_as<record_submission>(0).job_id == "a") {
      auto other = x.get_as<record_submission>(0);
      other.job_id = "b";
      other.attempt_id = of_b;
      caf::anon_send(store_itself, other);
    }
    return fate::pass;
  };
  submit("a");
  settle();
  CHECK(get("b").external_id == "x1");
  CHECK(get("a").external_id.empty());
  CHECK(there.cancels.empty());
}

TEST_CASE_METHOD(twins_fixture, "the watch ends after ten minutes",
                 "[queue_scheduler][twins]") {
  start();
  submit_once(mood::lose);
  pass(1min);
  REQUIRE(get("a").external_id == "x1");
  poll("a", job_status::completed);
  CHECK(refusal_of_delete() == ec::conflict); // it may still arrive
  const auto lists = there.lists.size();
  pass(9min);
  CHECK(there.lists.size() > lists + 10);
  CHECK(there.lists.size() < lists + 22);
  CHECK(open_attempts().size() == 1);
  pass(2min);
  CHECK(open_attempts().empty());
  CHECK(there.cancels.empty());
  ask<job_found>(store_itself, delete_job{{"test"}, {}, "a"});
}

TEST_CASE_METHOD(twins_fixture, "a late request is cancelled after a crash too",
                 "[queue_scheduler][twins][Q3]") {
  lose_first_request();
  there.on_cancel
    = [](auto&) { return make_error(ec::provider_timeout, "no"); };
  pass(3min);
  REQUIRE(there.made.size() == 2);
  CHECK(at_provider("x2") == job_status::queued);
  kill();
  there.on_cancel = [](auto&) { return caf::error{}; };
  there.is_list_broken = true; // it is remembered, not found again
  start();
  pass(1min);
  CHECK(at_provider("x2") == job_status::cancelled);
  CHECK(at_provider("x1") == job_status::queued);
  CHECK(open_attempts().empty());
}

TEST_CASE_METHOD(twins_fixture, "a scheduler that starts anew watches on",
                 "[queue_scheduler][twins][Q3]") {
  lose_first_request();
  kill();
  pass(3min);
  REQUIRE(there.made.size() == 2);
  start();
  pass(1min);
  CHECK(at_provider("x2") == job_status::cancelled);
  CHECK(at_provider("x1") == job_status::queued);
}

TEST_CASE_METHOD(twins_fixture, "a sync imports no late request",
                 "[queue_scheduler][twins][sync]") {
  lose_first_request();
  // The next listing is up to half a minute away.
  there.make_late();
  there.late.at(0).first = now();
  there.make_late();
  REQUIRE(there.made.size() == 2);
  const auto answer = ask<provider_jobs_synced>(
    aut, sync_provider_jobs{{"corr-sync"}, {}, "replicate"});
  CHECK(answer.discovered == 0);
  pass(5s);
  CHECK(at_provider("x2") == job_status::cancelled);
  CHECK(at_provider("x1") == job_status::queued);
}

TEST_CASE_METHOD(twins_fixture, "an equal job of somebody is no twin",
                 "[queue_scheduler][twins][Q2]") {
  lose_first_request();
  there.late.clear();
  submit("b");
  pass(5s);
  REQUIRE(get("b").external_id == "x2");
  pass(1min);
  poll("b", job_status::completed);
  kill(); // forgets whose it was
  start();
  pass(8min);
  CHECK(there.cancels.empty());
  CHECK(there.made.size() == 2);
  CHECK(scheduler_settings.counts->twins_found.value() == 0);
}

TEST_CASE_METHOD(twins_fixture,
                 "a late request of a cancelled job is cancelled",
                 "[queue_scheduler][twins]") {
  start();
  there.late_by = 5min;
  submit_once(mood::hang_late);
  ask_slowly<job_found>(cancel_job{{"corr-c"}, {}, "a"});
  pass(3min);
  CHECK(get("a").queue == queue_status::cancelled); // its slot is free
  CHECK(there.made.empty());
  pass(3min);
  REQUIRE(there.made.size() == 1);
  CHECK(at_provider("x1") == job_status::cancelled);
  CHECK(get("a").external_id.empty());
}

TEST_CASE_METHOD(twins_fixture, "a late request serves an attempt in doubt",
                 "[queue_scheduler][twins]") {
  start();
  there.late_by = 160s;
  there.on_submit = [n = 0](auto&) mutable {
    return n++ == 0 ? mood::hang_late : mood::hang;
  };
  submit("a");
  pass(6min);
  // The second request was lost; the first one is as good.
  CHECK(there.made.size() == 1);
  CHECK(get("a").external_id == "x1");
  CHECK(there.cancels.empty());
}
