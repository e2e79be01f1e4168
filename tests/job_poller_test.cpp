#include "tests/job_poller_fixture.hpp"

// Rounds: who is asked, and what becomes of the answers.

using namespace tunerd;
using namespace std::literals;
using tunerd::test::make_job, tunerd::test::poller_fixture, tunerd::test::says;

TEST_CASE_METHOD(poller_fixture, "every active job is asked once per interval",
                 "[job_poller][P1][P12]") {
  settings.providers[0].has_list = false;
  active = many(200);
  start();
  CHECK(asked.size() == 200);
  advance(29900ms);
  CHECK(asked.size() == 200);
  advance(3100ms);
  CHECK(asked.size() == 400);
  advance(86s);
  CHECK(asked.size() == 800);
  CHECK(applied.size() == 200);
}

TEST_CASE_METHOD(poller_fixture, "the store is told what it does not know",
                 "[job_poller][P5]") {
  active = {make_job("1")};
  start();
  CHECK(applied.size() == 1);
  advance(66s);
  CHECK(asked.size() == 3);
  CHECK(applied.size() == 1);
  seen.cost_micros = 43;
  advance(33s);
  CHECK(applied.size() == 2);
  // Somebody else moved it: it may count again what it shows.
  active[0].status = job_status::pending;
  advance(33s);
  CHECK(applied.size() == 3);
  // Without this the store would count its absences over years.
  failure = make_error(ec::no_such_provider_job, "gone");
  advance(33s);
  CHECK(missing.size() == 1);
  failure.reset();
  advance(33s);
  CHECK(applied.size() == 4);
  advance(33s);
  CHECK(applied.size() == 4);
  CHECK(asked.size() == 8);
}

TEST_CASE_METHOD(poller_fixture, "an end is told until it is stored",
                 "[job_poller][P5]") {
  active = {make_job("1")};
  seen = says("succeeded", job_status::completed);
  start();
  advance(33s);
  CHECK(applied.size() == 2);
}

TEST_CASE_METHOD(poller_fixture, "every non-empty external id is asked",
                 "[job_poller][P2]") {
  for (const auto* id : {"abc-001def", "latest9", "k3writej", ""}) {
    active.push_back(make_job(id));
    active.back().external_id = id;
  }
  start();
  REQUIRE(asked.size() == 3);
  CHECK(asked[0].external_id == "abc-001def");
  CHECK(asked[0].hardware_profile == "h100");
}

TEST_CASE_METHOD(poller_fixture, "what the provider says reaches the store",
                 "[job_poller]") {
  active = {make_job("1")};
  seen.cost_micros = 42;
  start();
  REQUIRE(applied.size() == 1);
  CHECK(applied[0].job_id == "1");
  CHECK(applied[0].source == change_source::poll);
  CHECK(applied[0].seen.external_id == "ext-1");
  CHECK(applied[0].seen.status == job_status::running);
  CHECK(applied[0].seen.cost_micros == int64_t{42});
}

TEST_CASE_METHOD(poller_fixture, "work about a job carries the job's context",
                 "[job_poller][L3]") {
  active = {make_job("1"), make_job("2")};
  start();
  REQUIRE(asked.size() == 2);
  CHECK(asked[1].ctx.correlation_id == "corr-2");
  CHECK(asked[1].ctx.fields.at("job_id") == "2");
  CHECK(applied.at(0).ctx.correlation_id == "corr-1");
  advance(30s);
  REQUIRE(listings.size() == 2);
  CHECK(listings[0].correlation_id.size() == 12);
  CHECK(listings[0].correlation_id != listings[1].correlation_id);
  CHECK(scope.correlation_id == listings[1].correlation_id);
}

TEST_CASE_METHOD(poller_fixture, "a slow provider delays no other",
                 "[job_poller][P3]") {
  settings.providers = {{.name = "replicate", .max_in_flight = 2},
                        {.name = "simpletuner_io", .max_in_flight = 2}};
  held = {"replicate"};
  for (const auto* id : {"1", "2", "3", "4"}) {
    active.push_back(make_job(id));
    active.push_back(make_job("io" + std::string{id}, "simpletuner_io"));
  }
  start();
  CHECK(who_was_asked() == names{"1", "2", "io1", "io2", "io3", "io4"});
  advance(33s);
  CHECK(who_was_asked() == names{"io1", "io2", "io3", "io4"});
  release("replicate");
  CHECK(who_was_asked() == names{"3", "4"});
  advance(33s);
  CHECK(who_was_asked().size() == 8);
}

TEST_CASE_METHOD(poller_fixture, "a slow job is not asked twice at once",
                 "[job_poller][P3]") {
  polling.interval = 5s;
  active = {make_job("1"), make_job("2")};
  held = {"ext-1"};
  start();
  CHECK(who_was_asked() == names{"1", "2"});
  advance(35s);
  CHECK(who_was_asked() == names(7, "2"));
  advance(13s); // The request has timed out at 40 s.
  CHECK(who_was_asked() == names{"1", "2", "2"});
}

TEST_CASE_METHOD(poller_fixture, "a job that ends while it waits is not asked",
                 "[job_poller]") {
  settings.providers[0].max_in_flight = 1;
  held = {"replicate"};
  active = {make_job("1"), make_job("2"), make_job("3")};
  start();
  active = {make_job("3")};
  advance(30s);
  release("replicate");
  CHECK(who_was_asked() == names{"1", "3"});
  advance(30s);
  CHECK(who_was_asked() == names{"3"});
}

TEST_CASE_METHOD(poller_fixture, "a failed question is asked again next round",
                 "[job_poller]") {
  active = {make_job("1")};
  failure = make_error(ec::provider_timeout, "slow");
  start();
  advance(29s);
  CHECK(asked.size() == 1);
  CHECK(applied.empty());
  CHECK(missing.empty());
  failure.reset();
  advance(1s);
  CHECK(applied.size() == 1);
}

TEST_CASE_METHOD(poller_fixture, "a job the provider has forgotten is reported",
                 "[job_poller][P8]") {
  active = {make_job("1")};
  failure = make_error(ec::no_such_provider_job, "404");
  start();
  advance(30s);
  REQUIRE(missing.size() == 2);
  CHECK(missing[0].job_id == "1");
  CHECK(missing[0].ctx.correlation_id == "corr-1");
}

TEST_CASE_METHOD(poller_fixture, "an unknown status is passed on as none",
                 "[job_poller][P7]") {
  active = {make_job("1")};
  seen = says("levitating", caf::none);
  start();
  REQUIRE(applied.size() == 1);
  CHECK(!applied[0].seen.status);
}

TEST_CASE_METHOD(poller_fixture, "the poller outlives a store that fails",
                 "[job_poller]") {
  active = {make_job("1")};
  store_fails = true;
  start();
  advance(60s);
  CHECK(listings.size() == 3);
  CHECK(asked.empty());
  store_fails = false;
  advance(30s);
  CHECK(applied.size() == 1);
  store_is_slow = true;
  advance(60s);
  CHECK(listings.size() == 6);
  store_is_slow = false;
  advance(30s);
  CHECK(asked.size() == 2);
}

TEST_CASE_METHOD(poller_fixture, "a store that fails to apply loses nothing",
                 "[job_poller]") {
  active = {make_job("1")};
  held = {"replicate"};
  start();
  store_fails = true;
  release("replicate");
  CHECK(applied.size() == 1);
  store_fails = false;
  advance(30s);
  CHECK(applied.size() == 2);
}

TEST_CASE_METHOD(poller_fixture, "a slow store is asked once at a time",
                 "[job_poller]") {
  polling.interval = 1s;
  store_is_slow = true;
  start();
  advance(9s);
  CHECK(listings.size() == 1);
  advance(2s);
  CHECK(listings.size() == 2);
}

TEST_CASE_METHOD(poller_fixture,
                 "with a webhook only a silent job is asked, every 15 minutes",
                 "[job_poller][P10]") {
  settings.providers = {{"replicate", true}};
  active = {make_job("1"), make_job("2")};
  for (auto& x : active)
    x.created_at = now();
  start();
  CHECK(!status().is_active);
  CHECK(status().source == "auto");
  advance(600s, 1s);
  active[1].status = job_status::running; // A webhook came.
  advance(299s, 1s);
  CHECK(asked.empty());
  advance(61s, 1s);
  CHECK(who_was_asked() == names{"1"});
  advance(600s, 1s);
  CHECK(who_was_asked() == names{"2"});
  advance(300s, 1s);
  CHECK(who_was_asked() == names{"1"});
}

TEST_CASE_METHOD(poller_fixture, "a long interval does not delay that",
                 "[job_poller][P10]") {
  polling.interval = 3600s;
  settings.providers = {{"replicate"}, {"hooked", true}};
  active = {make_job("1"), make_job("2", "hooked")};
  active[1].created_at = now();
  start();
  CHECK(who_was_asked() == names{"1"});
  advance(961s, 1s);
  CHECK(who_was_asked() == names{"2"});
  advance(2700s, 1s);
  CHECK(who_was_asked() == names{"1", "2", "2", "2"});
}

TEST_CASE_METHOD(poller_fixture, "silence while the daemon was down counts",
                 "[job_poller][P10]") {
  settings.providers = {{"replicate", true}};
  active = {make_job("1"), make_job("2")};
  active[0].created_at = now() - 3600s;
  active[1].created_at = now() - 3600s;
  active[1].started_at = now() - 60s;
  start();
  CHECK(who_was_asked() == names{"1"});
}

TEST_CASE_METHOD(poller_fixture, "ticks keep their phase", "[job_poller]") {
  active = {make_job("1")};
  start();
  sched.advance_time(75s); // The process was held up.
  settle();
  CHECK(asked.size() == 2);
  advance(14s);
  CHECK(asked.size() == 2);
  advance(1s);
  CHECK(asked.size() == 3);
}

TEST_CASE_METHOD(poller_fixture, "a stop in the middle leaves nothing behind",
                 "[job_poller]") {
  active = {make_job("1")};
  held = {"replicate"};
  start();
  caf::anon_send_exit(aut, caf::exit_reason::user_shutdown);
  settle();
  release("replicate");
  advance(60s);
  CHECK(applied.empty());
  CHECK(asked.size() == 1);
  CHECK(code_of(ask_error<polling_status>(aut, get_polling_status{{"c"}}))
        == ec::worker_restarting);
}

TEST_CASE_METHOD(poller_fixture, "a round says how many it synced, if any",
                 "[job_poller]") {
  test::log_capture log;
  start();
  CHECK(!log.contains("Synced"));
  active = {make_job("1"), make_job("2"), make_job("3")};
  held = {"ext-3"};
  advance(30s);
  CHECK(!log.contains("Synced"));
  advance(43s); // The next round asks two, then the third times out.
  const auto lines = log.lines_with("Synced 2 active jobs");
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].level == "DEBUG");
  CHECK(lines[0].correlation_id == listings.at(2).correlation_id);
  CHECK(lines[1].correlation_id == listings.at(1).correlation_id);
}

TEST_CASE_METHOD(poller_fixture, "a failure is a line with its reason",
                 "[job_poller]") {
  test::log_capture log;
  active = {make_job("1")};
  failure = make_error(ec::provider_timeout, "slow");
  start();
  const auto lines
    = log.lines_with("Failed to sync job 1: provider_timeout: slow");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].level == "DEBUG");
  CHECK(lines[0].correlation_id == "corr-1");
  CHECK(lines[0].extra.at("job_id") == "1");
  store_fails = true;
  advance(30s);
  REQUIRE(
    log.contains("ERROR", "Error in job polling: database_error: disk full"));
  CHECK(log.lines_with("Error in").at(0).correlation_id
        == listings.at(1).correlation_id);
}

TEST_CASE_METHOD(poller_fixture, "a provider's trouble is said once",
                 "[job_poller]") {
  test::log_capture log;
  active = {make_job("1"), make_job("2")};
  failure = make_error(ec::provider_unavailable, "401");
  start();
  advance(60s);
  const std::string text = "Failed to sync jobs for provider replicate: "
                           "provider_unavailable: 401";
  REQUIRE(log.lines_with(text).size() == 1);
  CHECK(log.lines_with(text).at(0).level == "ERROR");
  CHECK(log.lines_with("Failed to sync job 1").size() > 1);
  failure.reset();
  advance(30s);
  failure = make_error(ec::provider_unavailable, "401");
  advance(30s);
  CHECK(log.lines_with(text).size() == 2);
}

TEST_CASE_METHOD(poller_fixture, "an unknown status warns once per value",
                 "[job_poller][P7]") {
  test::log_capture log;
  active = {make_job("1"), make_job("2")};
  seen = says("levitating", caf::none);
  start();
  advance(90s);
  const auto lines
    = log.lines_with("Unknown status 'levitating' for job 2, keeping queued");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].level == "WARNING");
  CHECK(lines[0].correlation_id == "corr-2");
  seen = says("", caf::none);
  advance(60s);
  CHECK(log.lines_with("Unknown status").size() == 4);
}

TEST_CASE_METHOD(poller_fixture, "what cannot be asked is said",
                 "[job_poller]") {
  test::log_capture log;
  active = {make_job("1"), make_job("2", "skynet"), make_job("3", "skynet")};
  active[0].external_id.clear();
  start();
  advance(30s);
  CHECK(
    log.contains("DEBUG", "Skipping sync for job 1 - no valid external ID"));
  CHECK(log.lines_with("Unknown provider: skynet").size() == 1);
  CHECK(log.contains("WARNING", "Unknown provider: skynet"));
  CHECK(asked.empty());
}

TEST_CASE_METHOD(poller_fixture, "the poller counts what it does",
                 "[job_poller][L5]") {
  active = {make_job("1"), make_job("2")};
  start();
  const auto& counts = *settings.counts;
  CHECK(counts.poll_cycles.value() == 1);
  CHECK(counts.polls.value() == 2);
  failure = make_error(ec::provider_timeout, "slow");
  advance(32s);
  CHECK(counts.poll_cycles.value() == 2);
  CHECK(counts.poll_failures.value() == 2);
  CHECK(counts.poll_lag_ms.value() == 0);
  sched.advance_time(32s); // The process was held up.
  settle();
  CHECK(counts.poll_lag_ms.value() == 4'000);
  advance(4s);
  poll({"1"});
  CHECK(counts.poll_cycles.value() == 3);
  CHECK(counts.polls.value() == 7);
}
