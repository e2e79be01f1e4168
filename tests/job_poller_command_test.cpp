#include "tests/job_poller_fixture.hpp"

// Somebody wants to know now.

using namespace tunerd;
using namespace std::literals;
using tunerd::test::make_job, tunerd::test::poller_fixture, tunerd::test::says;

TEST_CASE_METHOD(poller_fixture, "a command asks about exactly its jobs",
                 "[job_poller][L3]") {
  test::log_capture log;
  polling.enabled = false;
  active = {make_job("1"), make_job("2"), make_job("3"),
            make_job("4", "skynet"), make_job("5")};
  active[4].external_id.clear();
  start();
  CHECK(poll({"1", "3", "4", "5", "gone", "1"}) == 2);
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].ctx.correlation_id == "corr-1");
  CHECK(who_was_asked() == names{"1", "3"});
  CHECK(applied.size() == 2);
  CHECK(listings.back().correlation_id == "corr-7");
  CHECK(log.lines_with("Synced 2 active jobs").at(0).correlation_id
        == "corr-7");
  CHECK(poll({}) == 0);
  CHECK(poll({"gone"}) == 0);
  advance(120s);
  CHECK(asked.empty());
}

TEST_CASE_METHOD(poller_fixture, "a command keeps to the provider's bound",
                 "[job_poller][P3][P9]") {
  polling.enabled = false;
  settings.providers[0].max_in_flight = 2;
  held = {"replicate"};
  std::vector<std::string> ids;
  for (int i = 0; i < 9; ++i) {
    ids.push_back(std::to_string(i));
    active.push_back(make_job(ids.back()));
  }
  start();
  auto answer
    = self->request(aut, std::chrono::minutes{1}, poll_jobs{{"c"}, ids});
  settle();
  CHECK(asked.size() == 2);
  release("replicate");
  answer.receive([](const jobs_polled& x) { CHECK(x.synced == 9); },
                 [](const caf::error& err) { FAIL(render(err)); });
}

TEST_CASE_METHOD(poller_fixture, "a command joins who asks already",
                 "[job_poller][P12]") {
  held = {"replicate"};
  active = {make_job("1"), make_job("2")};
  start();
  CHECK(asked.size() == 2);
  const auto later = std::chrono::minutes{1};
  auto first = self->request(aut, later, poll_jobs{{"c1"}, {"1", "2"}});
  auto second = self->request(aut, later, poll_jobs{{"c2"}, {"2"}});
  settle();
  CHECK(asked.size() == 2); // Nobody twice at once.
  release("replicate");
  const auto fail = [](const caf::error& err) { FAIL(render(err)); };
  first.receive([](const jobs_polled& x) { CHECK(x.synced == 2); }, fail);
  second.receive([](const jobs_polled& x) { CHECK(x.synced == 1); }, fail);
  CHECK(poll({"2"}) == 1);
}

TEST_CASE_METHOD(poller_fixture, "many commands may wait for one job",
                 "[job_poller][P12]") {
  polling.enabled = false;
  active = {make_job("1")};
  held = {"replicate"};
  start();
  const auto later = std::chrono::minutes{1};
  const poll_jobs command{{"c"}, {"1"}};
  auto a = self->request(aut, later, command);
  auto b = self->request(aut, later, command);
  auto c = self->request(aut, later, command);
  settle();
  CHECK(asked.size() == 1);
  release("replicate"); // All of them end in one moment.
  for (auto* answer : {&a, &b, &c})
    answer->receive([](const jobs_polled& x) { CHECK(x.synced == 1); },
                    [](const caf::error& err) { FAIL(render(err)); });
  CHECK(poll({"1"}) == 1);
}

TEST_CASE_METHOD(poller_fixture, "a command is answered when time is up",
                 "[job_poller]") {
  polling.enabled = false;
  settings.providers[0].max_in_flight = 1;
  active = {make_job("1"), make_job("2"), make_job("3")};
  held = {"ext-2"};
  start();
  auto answer = self->request(aut, std::chrono::minutes{2},
                              poll_jobs{{"c"}, {"1", "2", "3"}});
  advance(39s);
  CHECK(self->mailbox().empty());
  advance(1500ms);
  answer.receive([](const jobs_polled& x) { CHECK(x.synced == 1); },
                 [](const caf::error& err) { FAIL(render(err)); });
  // The call has timed out as well, and the last job was asked after all.
  CHECK(who_was_asked() == names{"1", "2", "3"});
  held.clear();
  CHECK(poll({"1", "2", "3"}) == 3);
}

TEST_CASE_METHOD(poller_fixture, "what a command cannot have is an error",
                 "[job_poller]") {
  start();
  const auto refused = [this](size_t count) {
    poll_jobs x{{"c"}, {}};
    for (size_t i = 0; i < count; ++i)
      x.job_ids.push_back(std::to_string(i));
    return code_of(ask_error<jobs_polled>(aut, x));
  };
  CHECK(refused(501) == ec::validation_error);
  CHECK(poll(std::vector<std::string>(500, "x")) == 0);
  store_fails = true;
  CHECK(refused(1) == ec::database_error);
  store_fails = false;
  store_is_slow = true;
  for (int i = 0; i < 100; ++i)
    caf::anon_send(aut, poll_jobs{{"c"}, {"1"}});
  CHECK(refused(1) == ec::overloaded);
  caf::anon_send_exit(aut, caf::exit_reason::kill);
  settle();
}

TEST_CASE_METHOD(poller_fixture, "a stop answers whoever waits",
                 "[job_poller][L6]") {
  add_settings_store();
  settings_are_slow = true;
  held = {"replicate"};
  active = {make_job("1")};
  start();
  const auto later = std::chrono::minutes{1};
  auto a = self->request(aut, later, get_polling_status{{"c1"}});
  auto b = self->request(aut, later, refresh_polling{{"c2"}});
  auto c = self->request(aut, later, poll_jobs{{"c3"}, {"1"}});
  settle();
  CHECK(asked.size() == 1);
  caf::anon_send_exit(aut, caf::exit_reason::user_shutdown);
  settle();
  const auto gone = [](const caf::error& err) {
    CHECK(code_of(err) == ec::worker_restarting);
  };
  a.receive([](const polling_status&) { FAIL("answered"); }, gone);
  b.receive([](const polling_status&) { FAIL("answered"); }, gone);
  c.receive([](const jobs_polled&) { FAIL("answered"); }, gone);
}

TEST_CASE_METHOD(poller_fixture, "an unknown status warns in a command, too",
                 "[job_poller][P7]") {
  test::log_capture log;
  polling.enabled = false;
  active = {make_job("1")};
  seen = says("levitating", caf::none);
  start();
  poll({"1"});
  poll({"1"});
  CHECK(log.lines_with("Unknown status 'levitating' for job 1").size() == 1);
}

TEST_CASE_METHOD(poller_fixture, "a command counts each of its jobs once",
                 "[job_poller]") {
  polling.interval = 5s;
  settings.providers[0].max_in_flight = 2;
  held = {"replicate"};
  active = {make_job("1"), make_job("3"), make_job("2")};
  start();
  auto answer
    = self->request(aut, std::chrono::minutes{1}, poll_jobs{{"c"}, {"1", "2"}});
  settle();
  held.insert("ext-2");
  release("replicate");
  advance(11s);
  CHECK(who_was_asked() == names{"1", "1", "1", "2", "3", "3", "3"});
  CHECK(!self->has_next_message()); // One of the two is still under way.
  release("ext-2");
  answer.receive([](const jobs_polled& x) { CHECK(x.synced == 2); },
                 [](const caf::error& err) { FAIL(render(err)); });
}
