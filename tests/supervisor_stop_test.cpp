#include "tests/supervisor_fixture.hpp"

#include <nlohmann/json.hpp>

#include <random>
#include <set>

using namespace tunerd;
using namespace tunerd::test;

TEST_CASE_METHOD(supervisor_fixture,
                 "a start that throws is a crash, and later workers wait",
                 "[supervisor]") {
  cannot_start = {"b"};
  start({make("a"), make("b"), make("c")});
  CHECK(happened() == "+a");
  CHECK(status("b").last_error == "no b today");
  CHECK(status("c").phase == worker_phase::starting);
  cannot_start.clear();
  advance(backoff);
  CHECK(happened() == "+b +c");
  CHECK(status("b").restarts == 0);
  cannot_start = {"b"};
  crash("b");
  advance(10s);
  CHECK(render(ended.value()).find("no b today") != std::string::npos);
}

TEST_CASE_METHOD(supervisor_fixture,
                 "requests while there is no worker fail, messages vanish",
                 "[supervisor]") {
  start({make("a")});
  const auto ask_status = [this] {
    return ask_error<polling_status>(address["a"],
                                     get_polling_status{{"corr-1"}});
  };
  CHECK(ask<polling_status>(address["a"], get_polling_status{{"corr-1"}})
          .is_active);
  crash("a");
  auto err = ask_status();
  CHECK(err.category() == caf::atom("tunerd"));
  CHECK(code_of(err) == ec::worker_restarting);
  bool sent = false;
  auto sender = spawn([this, &sent](caf::event_based_actor* me) {
    caf::anon_send(address["a"], tick{});
    me->send(caf::actor_cast<caf::actor>(address["a"]), tick{});
    return caf::behavior{[&sent](tick) { sent = true; }};
  });
  settle();
  caf::anon_send(sender, tick{});
  advance(backoff);
  CHECK(sent);
  CHECK(ask<polling_status>(address["a"], get_polling_status{{"corr-1"}})
          .is_active);
  stop();
  CHECK(code_of(ask_status()) == ec::worker_restarting);
}

TEST_CASE_METHOD(supervisor_fixture,
                 "a request in the mailbox of a dying worker fails at once",
                 "[supervisor]") {
  start({make("a")});
  const auto later = std::chrono::minutes{1};
  auto first = self->request(address["a"], later, refresh_polling{{"c1"}});
  auto second = self->request(address["a"], later, get_polling_status{{"c2"}});
  settle();
  caf::error err;
  const auto keep = [&err](caf::error& x) { err = std::move(x); };
  second.receive([](const polling_status&) { FAIL("answered"); }, keep);
  CHECK(code_of(err) == ec::worker_restarting);
  first.receive([](const polling_status&) { FAIL("answered"); }, keep);
  CHECK(render(err) == "broken \"on purpose\"");
}

TEST_CASE_METHOD(supervisor_fixture, "a stop during a backoff starts nothing",
                 "[supervisor]") {
  start({make("a"), make("b")});
  crash("b");
  happened();
  stop();
  CHECK(happened() == "-a");
  CHECK(ended);
  advance(10s);
  CHECK(happened().empty());
}

TEST_CASE_METHOD(supervisor_fixture, "a crash during the stop stays one",
                 "[supervisor]") {
  how["c"] = manners::slow;
  start({make("a"), make("b"), make("c")});
  happened();
  stop();
  crash("a");
  advance(4s);
  CHECK(happened() == "-a -c -b");
  CHECK(ended);
}

TEST_CASE_METHOD(supervisor_fixture, "a store that fails stops no restart",
                 "[supervisor]") {
  store_fails = true;
  start({make("a")});
  crash("a");
  advance(backoff);
  CHECK(status("a").phase == worker_phase::running);
}

TEST_CASE_METHOD(supervisor_fixture,
                 "a worker may only restart with an earlier one",
                 "[supervisor]") {
  start({make("a", {"b"}), make("b")});
  REQUIRE(ended);
  CHECK(render(*ended).find("not listed before it") != std::string::npos);
}

TEST_CASE_METHOD(supervisor_fixture, "a thousand restarts leak nothing",
                 "[supervisor][L6]") {
  start({make("a"), make("b", {"a"})});
  const auto running = sys.registry().running();
  for (int i = 0; i < 1000; ++i) {
    crash(i % 2 == 0 ? "a" : "b");
    advance(26s, 13s); // Two crashes of each within a minute.
    REQUIRE(alive.size() == 2);
  }
  CHECK(sys.registry().running() == running);
  // The next look at the mailboxes, and the last questions.
  CHECK(sched.clock().schedule().size() < 20);
  stop();
  live.clear();
  for (const auto& x : incarnations)
    REQUIRE(x.lock() == nullptr);
}

TEST_CASE_METHOD(supervisor_fixture, "any storm of crashes ends in order",
                 "[supervisor]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 dice{seed};
  settings.policy.restarts_max = 1000;
  settings.policy.backoff_max = 2s;
  how["c"] = manners::slow;
  how["e"] = manners::deaf;
  const std::vector<std::string> names{"a", "b", "c", "d", "e"};
  start({make_stoppable("a"), make_stoppable("b", {"a"}), make("c", {"a"}),
         make_stoppable("d", {"b", "c"}), make("e", {"a"})});
  for (int i = 0; i < 300; ++i) {
    const auto& name = names[dice() % names.size()];
    if (dice() % 3 == 0) // People, too.
      caf::anon_send(aut, order(names[dice() % names.size()],
                                dice() % 2 == 0 ? worker_action::stop
                                                : worker_action::start));
    if (dice() % 10 == 0)
      cannot_start = {name};
    if (alive.count(name) > 0)
      crash(name);
    advance(std::chrono::milliseconds{dice() % 3000});
    cannot_start.clear();
  }
  for (const auto* name : {"a", "b", "d"})
    caf::anon_send(aut, order(name, worker_action::start));
  advance(40s);
  REQUIRE(!ended);
  CHECK(alive.size() == names.size());
  // Each is younger than what it restarts with.
  std::map<std::string, size_t> born;
  for (size_t i = 0; i < diary.size(); ++i)
    born[diary[i]] = i;
  CHECK(born["+a"] < born["+b"]);
  CHECK(born["+a"] < born["+c"]);
  CHECK(born["+a"] < born["+e"]);
  CHECK(born["+b"] < born["+d"]);
  CHECK(born["+c"] < born["+d"]);
  happened();
  stop();
  advance(10s);
  CHECK(happened() == "-e -d -c -b -a");
  CHECK(ended);
}

TEST_CASE_METHOD(supervisor_fixture, "a crash is one error line of its own",
                 "[supervisor]") {
  test::log_capture log;
  start({make("a"), make("b", {"a"})});
  log.clear();
  ask_error<polling_status>(address["a"], refresh_polling{{"corr-1"}});
  advance(backoff);
  const auto lines = log.lines_with("Worker crashed");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].level == "ERROR");
  CHECK(lines[0].logger == "simpletuner.cloud.tasks");
  CHECK(lines[0].extra.at("worker") == "a");
  CHECK(lines[0].extra.at("error") == "broken \"on purpose\"");
  CHECK(lines[0].correlation_id.size() == 12);
  const auto work = log.with_correlation_id(lines[0].correlation_id);
  REQUIRE(work.size() == 3);
  CHECK(work[1].message == "Worker started");
  CHECK(work[1].extra.at("worker") == "a");
  CHECK(work[2].extra.at("worker") == "b");
}

TEST_CASE_METHOD(supervisor_fixture, "a stop is said, and what did not obey",
                 "[supervisor]") {
  test::log_capture log;
  std::optional<caf::scoped_actor> hung;
  hung.emplace(sys);
  auto curl = make("curl");
  curl.start = [&hung] { return caf::actor_cast<caf::actor>(*hung); };
  how["c"] = manners::deaf;
  start({make("a"), curl, make("c")});
  log.clear();
  stop();
  advance(10s);
  REQUIRE(ended);
  const auto& lines = log.lines();
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].message == "Stopping background tasks...");
  CHECK(lines[1].message == "Worker does not end, killing it");
  CHECK(lines[1].extra.at("worker") == "c");
  CHECK(lines[2].extra.at("worker") == "curl");
  CHECK(lines[3].level == "ERROR");
  CHECK(lines[3].message == "Worker did not end");
  CHECK(lines[3].extra.at("worker") == "curl");
  CHECK(lines[4].extra.at("error") == "did not end: curl");
  for (const auto& line : lines)
    CHECK(line.correlation_id == lines[0].correlation_id);
}

TEST_CASE_METHOD(supervisor_fixture, "an orderly stop is two lines",
                 "[supervisor]") {
  test::log_capture log;
  start({make("a"), make("b")});
  log.clear();
  stop();
  CHECK(log.messages()
        == "INFO Stopping background tasks...\n"
           "INFO Background tasks stopped\n");
}
