#include "tests/dispatch_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;

// Providers that refuse, throttle, fail or take their time.

TEST_CASE_METHOD(dispatch_fixture, "no credit parks the provider",
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

TEST_CASE_METHOD(dispatch_fixture, "an outage fails no job",
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

TEST_CASE_METHOD(dispatch_fixture, "an hour of any outage fails no job",
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

TEST_CASE_METHOD(dispatch_fixture, "a throttling provider is left alone",
                 "[queue_scheduler]") {
  start();
  submit_once(mood::throttle);
  submit("b");
  advance(19s);
  CHECK(there.submits.size() == 1);
  advance(2s);
  CHECK(there.made.size() == 2);
}

TEST_CASE_METHOD(dispatch_fixture, "a job is refused three times at most",
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

TEST_CASE_METHOD(dispatch_fixture, "a slow provider call delays no other job",
                 "[queue_scheduler]") {
  start();
  submit_once(mood::hang);
  submit("b");
  settle();
  CHECK(there.made_for("b") == 1);
}
