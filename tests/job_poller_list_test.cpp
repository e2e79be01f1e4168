#include "tests/job_poller_fixture.hpp"

// Many jobs, and a provider that cannot keep up.

using namespace tunerd;
using namespace std::literals;
using tunerd::test::make_job, tunerd::test::poller_fixture, tunerd::test::says;

TEST_CASE_METHOD(poller_fixture, "many jobs are looked for on the list",
                 "[job_poller][P1][P12]") {
  active = many(1'000);
  for (auto& x : active)
    x.created_at = now();
  unlisted = {"ext-0", "ext-500"};
  start();
  CHECK(lists.size() == 10);
  CHECK(lists[0].provider == "replicate");
  CHECK(lists[0].created_after == now() - 5min);
  CHECK(lists[0].cursor.empty());
  CHECK(who_was_asked() == names{"0", "500"});
  CHECK(applied.size() == 1'000);
  std::set<std::string> told;
  for (const auto& x : applied) {
    CHECK(x.seen.external_id == "ext-" + x.job_id);
    CHECK(x.source == change_source::poll);
    told.insert(x.job_id);
  }
  CHECK(told.size() == 1'000);
  advance(64s);
  CHECK(settings.counts->polls.value() == 3'000);
  CHECK(applied.size() == 1'000); // Nothing has changed.
  CHECK(lists.size() == 30);
}

TEST_CASE_METHOD(poller_fixture, "a list is read in the context of its round",
                 "[job_poller][L3]") {
  test::log_capture log;
  active = many(150);
  seen = says("levitating", caf::none);
  start();
  REQUIRE(lists.size() == 2);
  CHECK(lists[0].ctx.correlation_id == listings.at(0).correlation_id);
  CHECK(lists[1].ctx.correlation_id == listings.at(0).correlation_id);
  CHECK(applied.at(0).ctx.correlation_id == "corr-149");
  CHECK(applied.at(0).ctx.fields.at("job_id") == "149");
  const auto warned
    = log.lines_with("Unknown status 'levitating' for job 7, keeping queued");
  REQUIRE(warned.size() == 1);
  CHECK(warned[0].correlation_id == "corr-7");
  const auto synced = log.lines_with("Synced 150 active jobs");
  REQUIRE(synced.size() == 1);
  CHECK(synced[0].correlation_id == listings.at(0).correlation_id);
}

TEST_CASE_METHOD(poller_fixture, "a job that has ended gets a closer look",
                 "[job_poller]") {
  active = many(150);
  ended = {"ext-3", "ext-4"};
  failure = make_error(ec::no_such_provider_job, "404");
  seen.cost_micros = 42;
  start();
  CHECK(who_was_asked() == names{"3", "4"});
  // What the list said is better than nothing.
  CHECK(missing.empty());
  CHECK(applied.size() == 150);
  CHECK(applied.back().seen.status == job_status::completed);
  failure.reset();
  advance(30s);
  CHECK(who_was_asked() == names{"3", "4"});
  CHECK(applied.back().seen.status == job_status::running);
}

TEST_CASE_METHOD(poller_fixture, "a list that cannot be read is done without",
                 "[job_poller][P3]") {
  test::log_capture log;
  active = many(150);
  list_failure = make_error(ec::provider_error, "not a list");
  start();
  CHECK(lists.size() == 1);
  CHECK(asked.size() == 150);
  CHECK(log.contains("DEBUG", "Cannot list the jobs of replicate: "
                              "provider_error: not a list"));
  list_failure.reset();
  advance(59s);
  CHECK(lists.size() == 1); // The next round does not try.
  CHECK(asked.size() == 300);
  advance(10s);
  CHECK(lists.size() == 3);
  CHECK(asked.size() == 300);
}

TEST_CASE_METHOD(poller_fixture, "a provider that wants less gets less",
                 "[job_poller][P9]") {
  settings.providers
    = {{.name = "replicate", .max_in_flight = 4}, {.name = "simpletuner_io"}};
  active = many(8);
  active.push_back(make_job("io", "simpletuner_io"));
  failure = make_error(ec::provider_throttled, "429");
  start();
  CHECK(who_was_asked() == names{"0", "1", "2", "3", "io"});
  advance(900ms);
  CHECK(asked.empty());
  failure.reset();
  advance(100ms);
  CHECK(asked.size() == 9); // Nobody waits for the next round.
  CHECK(applied.size() == 9);

  list_failure = make_error(ec::provider_throttled, "429");
  active = many(150);
  advance(29s);
  CHECK(lists.size() == 1);
  advance(3s);
  CHECK(lists.size() == 3);
  list_failure.reset();
  applied.clear();
  advance(4s);
  CHECK(lists.size() == 5);
  CHECK(applied.size() == 142); // Eight show what they have shown before.
}

TEST_CASE_METHOD(poller_fixture, "a list waits for its gateway",
                 "[job_poller]") {
  active = many(150);
  list_failure = make_error(ec::worker_restarting, "gone");
  start();
  advance(1s);
  CHECK(lists.size() == 2);
  CHECK(asked.empty());
  list_failure.reset();
  advance(2s);
  CHECK(lists.size() == 4);
  CHECK(applied.size() == 150);
}

TEST_CASE_METHOD(poller_fixture, "a provider that is down is left alone",
                 "[job_poller][P3]") {
  test::log_capture log;
  active = many(150);
  list_failure = failure = make_error(ec::provider_unavailable, "open");
  start();
  advance(89s);
  CHECK(lists.size() == 3);
  CHECK(asked.empty());
  CHECK(log.lines_with("Failed to sync jobs for provider replicate").size()
        == 1);
  list_failure.reset();
  active.resize(90);
  advance(30s);
  CHECK(asked.size() == 1); // One is enough to know.
  failure.reset();
  advance(59s);
  CHECK(applied.size() >= 90);
}

TEST_CASE_METHOD(poller_fixture, "few questions are spread over the interval",
                 "[job_poller]") {
  active = many(10);
  start();
  CHECK(asked.size() == 10); // At first all at once.
  advance(300s);
  asked.clear();
  // From the tenth round on evenly.
  for (size_t i = 1; i < 20; ++i) {
    advance(3s);
    CHECK(asked.size() == i);
  }
  // A refresh wants to know now.
  ask<polling_status>(aut, refresh_polling{{"corr-9"}});
  advance(100ms);
  CHECK(who_was_asked().size() == 29);
}

TEST_CASE_METHOD(poller_fixture, "a round that takes too long is said once",
                 "[job_poller]") {
  test::log_capture log;
  settings.providers[0].max_in_flight = 1;
  active = many(5);
  held = {"replicate"};
  start();
  advance(119s);
  const auto lines = log.lines_with(
    "Polling replicate takes longer than the interval of 30s, 4 jobs are late");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].level == "WARNING");
  // They keep their order: who has waited longest comes first.
  std::vector<std::string> order;
  for (const auto& x : asked)
    order.push_back(x.external_id.substr(4));
  CHECK(order == names{"0", "1", "2"}); // Each until its time was up.
  asked.clear();
  release("replicate");
  REQUIRE(asked.size() >= 3);
  CHECK(asked[0].external_id == "ext-3");
  CHECK(asked[1].external_id == "ext-4");
  advance(90s);
  held = {"replicate"};
  advance(90s);
  CHECK(log.lines_with("takes longer").size() == 2);
}

TEST_CASE_METHOD(poller_fixture, "a command does not wait for its turn",
                 "[job_poller]") {
  active = many(10);
  start();
  advance(300s);
  asked.clear();
  CHECK(poll({"9"}) == 1);
  advance(29s);
  CHECK(who_was_asked().size() == 9); // That was its turn.
}

TEST_CASE_METHOD(poller_fixture, "polling that is switched off stops at once",
                 "[job_poller][P10]") {
  add_settings_store();
  active = many(10);
  start();
  advance(300s);
  asked.clear();
  values["cloud_job_polling_enabled"] = "false";
  refresh();
  advance(60s);
  CHECK(asked.empty());
}

TEST_CASE_METHOD(poller_fixture, "many silent jobs are looked for, too",
                 "[job_poller][P10]") {
  settings.providers = {{"replicate", true}};
  active = many(1'000);
  start();
  CHECK(lists.size() == 10);
  CHECK(asked.empty());
  CHECK(applied.size() == 1'000);
  advance(840s, 1s);
  CHECK(lists.size() == 10);
}
