#include "tests/job_poller_fixture.hpp"

// Whether to poll at all, and why.

using namespace tunerd;
using namespace std::literals;
using tunerd::test::make_job, tunerd::test::poller_fixture, tunerd::test::says;

TEST_CASE_METHOD(poller_fixture, "an explicit false stops polling in any case",
                 "[job_poller][P10]") {
  polling.enabled = false;
  settings.providers.push_back({"hooked", true});
  active = {make_job("1"), make_job("2", "hooked")};
  start();
  advance(1800s, 1s);
  CHECK(asked.empty());
  CHECK(!status().is_active);
  CHECK(status().source == "enterprise");
  CHECK(!ask<polling_status>(aut, refresh_polling{{"c"}}).is_active);
  CHECK(asked.empty());
}

TEST_CASE_METHOD(poller_fixture, "an explicit true polls despite webhooks",
                 "[job_poller][P10]") {
  polling.enabled = true;
  settings.providers = {{"replicate", true}};
  active = {make_job("1")};
  start();
  CHECK(asked.size() == 1);
  CHECK(status().is_active);
  CHECK(status().interval == 30s);
}

TEST_CASE_METHOD(poller_fixture, "a refresh polls at once and keeps one timer",
                 "[job_poller]") {
  active = {make_job("1")};
  start();
  advance(10s);
  const auto answer = ask<polling_status>(aut, refresh_polling{{"corr-9"}});
  CHECK(answer.ctx.correlation_id == "corr-9");
  CHECK(answer.is_active);
  CHECK(asked.size() == 2);
  advance(29s);
  CHECK(asked.size() == 2);
  advance(1s);
  CHECK(asked.size() == 3);
  CHECK(listings.size() == 3); // The old timer has not even looked.
}

TEST_CASE_METHOD(poller_fixture, "a refresh takes a new interval at once",
                 "[job_poller][P11]") {
  test::log_capture log;
  active = {make_job("1")};
  start();
  advance(10s);
  settings.polling.set({.interval = 5s}); // As SIGHUP does.
  const auto answer = ask<polling_status>(aut, refresh_polling{{"corr-9"}});
  CHECK(answer.interval == 5s);
  CHECK(asked.size() == 2);
  advance(5s);
  CHECK(asked.size() == 3);
  CHECK(
    log.contains("INFO", "Starting job status polling (Auto, interval: 5s)"));
}

TEST_CASE_METHOD(poller_fixture, "the poller says why it polls",
                 "[job_poller][P10]") {
  test::log_capture log;
  start();
  CHECK(log.messages()
        == "INFO Auto-enabling job polling (no webhook configured)\n"
           "INFO Starting job status polling (Auto, interval: 30s)\n"
           "INFO Job polling loop started (interval: 30s)\n");
  CHECK(log.lines().at(0).logger == "simpletuner.cloud.polling");
  log.clear();
  ask<polling_status>(aut, refresh_polling{{"corr-9"}});
  REQUIRE(
    log.contains("INFO", "Stopped existing job polling task for refresh"));
  CHECK(log.lines().at(0).correlation_id == "corr-9");
  caf::anon_send_exit(aut, caf::exit_reason::user_shutdown);
  settle();
  CHECK(log.contains("INFO", "Job polling loop stopped"));

  log.clear();
  polling.enabled = true;
  polling.interval = 7s;
  start();
  CHECK(log.contains("INFO", "Starting job status polling "
                             "(Enterprise Config, interval: 7s)"));
  CHECK(!log.contains("Auto"));

  log.clear();
  polling.enabled = false;
  start();
  CHECK(log.contains("INFO", "Job status polling is explicitly disabled in "
                             "Enterprise Config"));
  CHECK(log.lines().size() == 1);
}

TEST_CASE_METHOD(poller_fixture,
                 "the stored setting decides if the file is "
                 "silent",
                 "[job_poller][P10][Q9]") {
  test::log_capture log;
  add_settings_store();
  active = {make_job("1")};
  values["cloud_job_polling_enabled"] = "false";
  start();
  advance(60s);
  CHECK(asked.empty());
  CHECK(!status().is_active);
  CHECK(status().source == "setting");
  CHECK(log.messages()
        == "INFO Job status polling is explicitly disabled in WebUI "
           "settings\n");
  log.clear();
  values["cloud_job_polling_enabled"] = "true";
  settings.providers = {{"replicate", true}};
  start();
  CHECK(asked.size() == 1);
  CHECK(status().is_active);
  CHECK(log.messages().starts_with("INFO Starting job status polling (WebUI "
                                   "Setting, interval: 30s)\n"
                                   "INFO Job polling loop started (interval: "
                                   "30s)\n"));
  polling.enabled = false;
  start();
  CHECK(status().source == "enterprise");
  CHECK(!status().is_active);
}

TEST_CASE_METHOD(poller_fixture, "a refresh reads what was set over the API",
                 "[job_poller][P10]") {
  test::log_capture log;
  add_settings_store();
  active = {make_job("1")};
  start();
  CHECK(status().source == "auto");
  REQUIRE(read.size() == 2);
  CHECK(read[0].prefix == "cloud_job_polling_enabled");
  CHECK(read[1].prefix == "provider.");
  CHECK(read[0].ctx.correlation_id.size() == 12);

  values["provider.replicate.webhook_url"] = "\"https://tunerd.example\"";
  log.clear();
  auto answer = refresh();
  CHECK(answer.ctx.correlation_id == "corr-9");
  CHECK(!answer.is_active);
  CHECK(read.back().ctx.correlation_id == "corr-9");
  CHECK(log.lines_with("Stopped existing job polling task for refresh")
          .at(0)
          .correlation_id
        == "corr-9");
  who_was_asked();
  advance(60s);
  CHECK(asked.empty());

  values["cloud_job_polling_enabled"] = "true";
  answer = refresh();
  CHECK(answer.is_active);
  CHECK(answer.source == "setting");
  CHECK(asked.size() == 1); // At once.

  values = {{"provider.replicate.webhook_url", "\"\""}};
  settings.providers[0].has_webhook_url = true;
  start();
  CHECK(status().is_active); // Unset over the API wins over the file, too.
}

TEST_CASE_METHOD(poller_fixture, "a decision waits for what is stored",
                 "[job_poller][P10]") {
  add_settings_store();
  active = {make_job("1")};
  settings_are_slow = true;
  values["cloud_job_polling_enabled"] = "false";
  start();
  CHECK(asked.empty());
  const auto later = std::chrono::minutes{1};
  auto query = self->request(aut, later, get_polling_status{{"c1"}});
  auto command = self->request(aut, later, refresh_polling{{"c2"}});
  settle();
  release_settings();
  const auto fail = [](const caf::error& err) { FAIL(render(err)); };
  query.receive([](const polling_status& x) { CHECK(x.source == "setting"); },
                fail);
  command.receive(
    [](const polling_status& x) {
      CHECK(x.source == "setting");
      CHECK(x.ctx.correlation_id == "c2");
    },
    fail);
  CHECK(read.size() == 4); // The refresh had it read once more.
  CHECK(asked.empty());
}

TEST_CASE_METHOD(poller_fixture, "a refresh during a refresh reads again",
                 "[job_poller]") {
  add_settings_store();
  start();
  settings_are_slow = true;
  const auto later = std::chrono::minutes{1};
  auto first = self->request(aut, later, refresh_polling{{"c1"}});
  settle();
  caf::anon_send(stored, put_settings{}); // Answers what it has now: nothing.
  values["cloud_job_polling_enabled"] = "false";
  auto second = self->request(aut, later, refresh_polling{{"c2"}});
  settle();
  release_settings();
  const auto fail = [](const caf::error& err) { FAIL(render(err)); };
  first.receive([](const polling_status&) {}, fail);
  second.receive([](const polling_status& x) { CHECK(x.source == "setting"); },
                 fail);
  settings_are_slow = true;
  for (int i = 0; i < 101; ++i)
    caf::anon_send(aut, refresh_polling{{"c"}});
  CHECK(code_of(ask_error<polling_status>(aut, refresh_polling{{"c"}}))
        == ec::overloaded);
}

TEST_CASE_METHOD(poller_fixture,
                 "without an answer it decides by what it knows",
                 "[job_poller][P10]") {
  test::log_capture log;
  add_settings_store();
  active = {make_job("1")};
  values["cloud_job_polling_enabled"] = "false";
  store_fails = true;
  start();
  CHECK(status().source == "auto");
  CHECK(log.contains("WARNING", "Cannot read the polling settings, going on "
                                "without: database_error: disk full"));
  advance(60s);
  CHECK(read.size() == 3);
  CHECK(log.lines_with("Cannot read").size() == 1);
  store_fails = false;
  advance(31s);
  CHECK(status().source == "setting");
  CHECK(!status().is_active);
  asked.clear();
  advance(90s);
  CHECK(asked.empty());
  CHECK(read.size() == 5);

  store_fails = true; // What was read once is still known.
  CHECK(refresh().source == "setting");
  values["cloud_job_polling_enabled"] = "true";
  store_fails = false;
  advance(31s); // Off, and yet it tries to read again.
  CHECK(status().is_active);
  CHECK(asked.size() == 1);
}

TEST_CASE_METHOD(poller_fixture, "a retry that changes nothing starts nothing",
                 "[job_poller]") {
  add_settings_store();
  store_fails = true;
  start();
  store_fails = false;
  test::log_capture log;
  advance(61s);
  CHECK(read.size() == 3);
  CHECK(!log.contains("Stopped existing"));
  CHECK(listings.size() == 3);
}
