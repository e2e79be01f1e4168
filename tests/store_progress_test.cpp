#include "tests/log_capture.hpp"
#include "tests/store_fixture.hpp"

#include <random>

using namespace tunerd;
using namespace std::chrono_literals;

using store_fixture = test::store_fixture;

TEST_CASE_METHOD(store_fixture, "a job is followed to its end", "[store][W2]") {
  at_provider("j1", "e1");
  auto x = seen("j1", job_status::running);
  x.seen.started_at = now();
  auto answer = apply(x);
  CHECK(answer.changed);
  CHECK(answer.ctx.correlation_id == "corr-poll");
  CHECK(answer.subject.started_at == now());
  advance(10s);
  x.seen.status = job_status::completed;
  x.seen.completed_at = now() - 3s;
  x.seen.cost_micros = 15'250;
  x.seen.output_url = "https://out";
  x.source = change_source::webhook;
  CHECK(apply(x).changed);
  const auto stored = get("j1");
  CHECK(stored.status == job_status::completed);
  CHECK(stored.queue == queue_status::completed);
  CHECK(stored.completed_at == now() - 3s);
  CHECK(stored.cost_micros == int64_t{15'250});
  CHECK(stored.output_url == "https://out");
  CHECK(load().entries.empty());
  const auto last = events().events.back();
  CHECK(last.correlation_id == "corr-j1"); // the job's, not the poll's
  CHECK(last.data.find(R"("source":"webhook")") != std::string::npos);
  CHECK(last.data.find(R"("previous_status":"running")") != std::string::npos);
}

TEST_CASE_METHOD(store_fixture, "an unchanged status writes nothing",
                 "[store][P5]") {
  at_provider("j1", "e1");
  CHECK(apply(seen("j1", job_status::running)).changed);
  const auto head = events().head;
  hints.clear();
  CHECK(!apply(seen("j1", job_status::running)).changed);
  CHECK(!apply(seen("j1", job_status::queued)).changed);
  CHECK(!apply(seen("j1", job_status::pending)).changed);
  CHECK(get("j1").status == job_status::running);
  CHECK(events().head == head);
  CHECK(hints.empty());
}

TEST_CASE_METHOD(store_fixture, "what a provider leaves out stays as it is",
                 "[store][P4]") {
  at_provider("j1", "e1");
  auto x = seen("j1", job_status::running);
  x.seen.cost_micros = 5;
  x.seen.output_url = "https://out";
  x.seen.started_at = now();
  apply(x);
  apply(seen("j1", job_status::failed));
  auto stored = get("j1");
  CHECK(stored.cost_micros == int64_t{5});
  CHECK(stored.output_url == "https://out");
  CHECK(stored.started_at.value() < stored.completed_at.value() + 1ns);
  CHECK(stored.completed_at == now());
}

TEST_CASE_METHOD(store_fixture, "a job never ends before it started",
                 "[store]") {
  // Their clock is ahead of ours, and its end has no time.
  at_provider("j1", "e1");
  auto x = seen("j1", job_status::running);
  x.seen.started_at = now() + 1h;
  apply(x);
  CHECK(apply(seen("j1", job_status::completed)).changed);
  CHECK(get("j1").completed_at == now() + 1h);
  // Or it has one from another clock.
  at_provider("j2", "e2");
  x = seen("j2", job_status::completed);
  x.seen.started_at = now();
  x.seen.completed_at = now() - 1h;
  apply(x);
  CHECK(get("j2").started_at == now());
  CHECK(get("j2").completed_at == now());
  // A start is believed once.
  at_provider("j3", "e3");
  x = seen("j3", job_status::running);
  x.seen.started_at = now();
  apply(x);
  x.seen.started_at = now() - 1h;
  CHECK(!apply(x).changed);
  CHECK(get("j3").started_at == now());
}

TEST_CASE_METHOD(store_fixture, "a cost may change without an event",
                 "[store][P5]") {
  at_provider("j1", "e1");
  const auto head = events().head;
  auto x = seen("j1", job_status::queued);
  x.seen.cost_micros = 5;
  CHECK(!apply(x).changed);
  CHECK(get("j1").cost_micros == int64_t{5});
  CHECK(events().head == head);
}

TEST_CASE_METHOD(store_fixture, "a terminal job is never revived",
                 "[store][P6][P7]") {
  at_provider("j1", "e1");
  apply(seen("j1", job_status::cancelled));
  const auto ended = get("j1").completed_at;
  const auto head = events().head;
  advance(1s);
  for (const auto status : {job_status::running, job_status::completed,
                            job_status::queued, job_status::cancelled})
    CHECK(!apply(seen("j1", status)).changed);
  auto late = seen("j1", job_status::completed);
  late.seen.cost_micros = 7;
  late.seen.output_url = "https://late";
  late.seen.error_message = "late";
  CHECK(!apply(late).changed);
  late.seen.cost_micros = 8;
  CHECK(!apply(late).changed);
  const auto stored = get("j1");
  CHECK(stored.status == job_status::cancelled);
  CHECK(stored.completed_at == ended);
  CHECK(stored.cost_micros == int64_t{7}); // filled once
  CHECK(stored.output_url == "https://late");
  CHECK(stored.error_message.empty());
  CHECK(events().head == head);
  CHECK(claim({"j1"}).claimed.empty());
}

TEST_CASE_METHOD(store_fixture, "an unknown status changes nothing",
                 "[store][P7]") {
  at_provider("j1", "e1");
  auto x = seen("j1", caf::none);
  x.seen.raw_status = "pondering";
  x.seen.cost_micros = 9;
  CHECK(!apply(x).changed);
  CHECK(get("j1").status == job_status::queued);
  CHECK(!get("j1").cost_micros);
}

TEST_CASE_METHOD(store_fixture, "a word about another job is refused",
                 "[store]") {
  submit("j0");
  CHECK(refused<status_applied>(seen("j0", job_status::running))
        == ec::conflict); // is at no provider
  CHECK(refused<status_applied>(seen("none", job_status::running))
        == ec::job_not_found);
  at_provider("j1", "e1");
  auto x = seen("j1", job_status::completed);
  x.seen.external_id = "e2";
  CHECK(refused<status_applied>(x) == ec::conflict);
  x.seen.external_id = "e1";
  CHECK(apply(x).changed);
}

TEST_CASE_METHOD(store_fixture, "a forgotten job fails after ten minutes",
                 "[store][P8]") {
  at_provider("j1", "e1");
  const report_missing_job report{{"corr-poll"}, "j1"};
  for (int i = 0; i < 4; ++i)
    CHECK(!ask<status_applied>(aut, report).changed);
  advance(10min, 1min);
  CHECK(apply(seen("j1", job_status::running)).changed); // there it is again
  for (int i = 0; i < 3; ++i) {
    CHECK(!ask<status_applied>(aut, report).changed);
    advance(4min, 1min);
  }
  const auto answer = ask<status_applied>(aut, report);
  CHECK(answer.changed);
  CHECK(answer.subject.status == job_status::failed);
  CHECK(answer.subject.queue == queue_status::failed);
  CHECK(answer.subject.error_message == "job no longer known to the provider");
  CHECK(!ask<status_applied>(aut, report).changed);
  submit("j2");
  CHECK(refused<status_applied>(report_missing_job{{"c"}, "j2"})
        == ec::conflict);
}

TEST_CASE_METHOD(store_fixture, "two reports do not fail a job, however late",
                 "[store][P8]") {
  at_provider("j1", "e1");
  const report_missing_job report{{"corr-poll"}, "j1"};
  ask<status_applied>(aut, report);
  advance(1h, 1min);
  CHECK(!ask<status_applied>(aut, report).changed);
  CHECK(ask<status_applied>(aut, report).changed);
}

TEST_CASE_METHOD(store_fixture, "a job that reappears is missed from anew",
                 "[store][P8]") {
  at_provider("j1", "e1");
  const report_missing_job report{{"corr-poll"}, "j1"};
  const auto miss = [&] { return ask<status_applied>(aut, report).changed; };
  CHECK(!miss());
  CHECK(!miss());
  advance(11min, 1min);
  // A state that nobody knows is an answer, too.
  CHECK(!apply(seen("j1", caf::none)).changed);
  CHECK(!miss());
  CHECK(!miss());
  advance(9min, 1min);
  CHECK(!miss());
  stop();
  start(); // It is not forgotten either.
  advance(1min, 1min);
  CHECK(miss());
  CHECK(get("j1").status == job_status::failed);
}

TEST_CASE_METHOD(store_fixture, "statuses in any order lead to one end",
                 "[store][P5][P7]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 dice{seed};
  limit(1'000, 1'000);
  for (int run = 0; run < 10; ++run) {
    const auto id = "j" + std::to_string(run);
    at_provider(id, "e" + std::to_string(run));
    job last = get(id);
    for (int step = 0; step < 12; ++step) {
      auto x = seen(id, caf::none);
      if (dice() % 5 > 0)
        x.seen.status = static_cast<job_status>(dice() % (step < 6 ? 4 : 7));
      if (dice() % 2 == 0)
        x.seen.cost_micros = static_cast<int64_t>(dice() % 100);
      const auto answer = apply(x);
      const auto stored = get(id);
      REQUIRE(answer.changed == (stored.status != last.status));
      REQUIRE(stored.status >= last.status); // Only forward.
      if (is_terminal(last.status))
        REQUIRE(stored.status == last.status);
      REQUIRE((stored.cost_micros || !last.cost_micros));
      REQUIRE(!apply(x).changed); // Twice is once.
      REQUIRE(holds_slot(stored.queue) == !is_terminal(stored.status));
      last = get(id);
    }
  }
}

TEST_CASE_METHOD(store_fixture, "every active job at a provider is listed",
                 "[store][P1][P2]") {
  const std::vector<std::string> ids{"abc-001def", "latest9", "k3writej"};
  limit(100, 100);
  for (const auto& id : ids)
    at_provider("j-" + id, id);
  at_provider("over", "e");
  apply(seen("over", job_status::completed));
  submit("j0");
  clone_job("j0", 1'000);
  const auto active = ask<job_list>(aut, list_active_jobs{{"corr-poll"}});
  CHECK(active.ctx.correlation_id == "corr-poll");
  CHECK(active.total == 3);
  REQUIRE(active.jobs.size() == 3);
  for (size_t i = 0; i < ids.size(); ++i)
    CHECK(active.jobs[i].external_id == ids[i]);
}

TEST_CASE_METHOD(store_fixture, "a change is logged in the context of its job",
                 "[store][L3]") {
  test::log_capture log;
  at_provider("j1", "e1");
  apply(seen("j1", job_status::running));
  apply(seen("j1", job_status::running)); // says nothing new
  submit("j2");
  end("j2");
  limit(9, 3);
  const auto lines = log.lines();
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].message == "Job j1 is queued (was pending)");
  CHECK(lines[1].message == "Job j1 is running (was queued)");
  CHECK(lines[1].level == "INFO");
  CHECK(lines[1].logger == "simpletuner.cloud.jobs");
  CHECK(lines[1].correlation_id == "corr-j1"); // not the poll's
  CHECK(lines[1].extra.at("job_id") == "j1");
  CHECK(lines[1].extra.at("provider") == "replicate");
  CHECK(lines[2].message == "Job j2 is cancelled (was pending)");
  CHECK(lines[3].message == "Cancelled queued job j2");
  CHECK(lines[3].logger == "simpletuner.cloud.queue");
  CHECK(lines[3].correlation_id == "corr-j2");
  CHECK(lines[4].message.find("Updated concurrency limits: global=9, "
                              "per_user=3, per_team=10, fair_share=")
        == 0);
  CHECK(lines[4].correlation_id == "corr-limits");
}
