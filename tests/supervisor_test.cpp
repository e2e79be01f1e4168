#include "tests/supervisor_fixture.hpp"

#include <nlohmann/json.hpp>

#include <random>
#include <set>

using namespace tunerd;
using namespace tunerd::test;

TEST_CASE("a restart waits longer after each crash, within its bounds",
          "[supervisor]") {
  const restart_policy policy;
  CHECK(restart_delay(policy, 1, 0) == 100ms);
  CHECK(restart_delay(policy, 3, 0) == 400ms);
  CHECK(restart_delay(policy, 1'000'000'000, 0) == 30s);
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 rng{seed};
  for (int i = 0; i < 5000; ++i) {
    const auto crashes = 1 + rng() % 40;
    const auto least = restart_delay(policy, crashes, 0);
    const auto delay = restart_delay(policy, crashes, rng());
    REQUIRE(delay >= least);
    REQUIRE(delay <= least + least / 4);
    REQUIRE(restart_delay(policy, crashes + 1, 0)
            == std::min<caf::timespan>(least * 2, 30s));
  }
}

TEST_CASE("a worker's status is an event for admins", "[supervisor]") {
  worker_state x{"store", worker_phase::restarting, 2, "bad \xff \"quote\""};
  const auto result
    = worker_status_event({"corr-1"}, x, timestamp{1705314600s} + 7ms);
  CHECK(result.type == "worker_status");
  CHECK(result.user_id.empty());
  CHECK(result.correlation_id == "corr-1");
  CHECK(result.data
        == "{\"type\":\"worker_status\",\"worker\":\"store\","
           "\"state\":\"restarting\",\"restarts\":2,"
           "\"error\":\"bad \xEF\xBF\xBD \\\"quote\\\"\","
           "\"timestamp\":\"2024-01-15T10:30:00.007Z\","
           "\"correlation_id\":\"corr-1\"}");
}

TEST_CASE_METHOD(supervisor_fixture, "workers start in order", "[supervisor]") {
  start({make("a"), make("b"), make("c")});
  CHECK(happened() == "+a +b +c");
  const auto list = ask<worker_list>(aut, get_workers{{"corr-1"}});
  CHECK(list.ctx.correlation_id == "corr-1");
  REQUIRE(list.workers.size() == 3);
  CHECK(list.workers[2].name == "c");
  CHECK(list.workers[2].phase == worker_phase::running);
  REQUIRE(events.size() == 3);
  CHECK(events[0].correlation_id.size() == 12);
  CHECK(events[0].correlation_id == events[2].correlation_id);
}

TEST_CASE_METHOD(supervisor_fixture,
                 "workers stop in reverse order, each after the one before",
                 "[supervisor]") {
  how["b"] = manners::slow;
  start({make("a"), make("b"), make("c")});
  happened();
  stop();
  CHECK(happened() == "-c");
  CHECK(status("c").phase == worker_phase::stopped);
  stop(); // Once more changes nothing.
  advance(2900ms);
  CHECK(happened().empty());
  CHECK(!ended);
  advance(200ms);
  CHECK(happened() == "-b -a");
  REQUIRE(ended);
  CHECK(*ended == caf::exit_reason::user_shutdown);
}

TEST_CASE_METHOD(supervisor_fixture, "a crashed worker restarts alone",
                 "[supervisor]") {
  start({make("a"), make("b"), make("c")});
  happened();
  events.clear();
  crash("b");
  CHECK(happened() == "-b");
  CHECK(status("b").phase == worker_phase::restarting);
  advance(backoff);
  CHECK(happened() == "+b");
  CHECK(status("b").phase == worker_phase::running);
  CHECK(status("b").restarts == 1);
  CHECK(status("a").restarts == 0);
  REQUIRE(events.size() == 2);
  CHECK(events[0].correlation_id == events[1].correlation_id);
  CHECK(nlohmann::json::parse(events[0].data)["state"] == "restarting");
  CHECK(nlohmann::json::parse(events[1].data)["state"] == "running");
}

TEST_CASE_METHOD(supervisor_fixture,
                 "a crash also replaces what caches the worker's content",
                 "[supervisor]") {
  start({make("a"), make("b", {"a"}), make("c"), make("d", {"b"})});
  happened();
  crash("a");
  CHECK(happened() == "-a -d -b");
  CHECK(status("d").phase == worker_phase::restarting);
  CHECK(code_of(ask_error<polling_status>(address["d"],
                                          get_polling_status{{"corr-1"}}))
        == ec::worker_restarting);
  advance(backoff);
  CHECK(happened() == "+a +b +d");
  CHECK(status("d").restarts == 1);
  crash("d");
  advance(backoff);
  CHECK(happened() == "-d +d");
}

TEST_CASE_METHOD(supervisor_fixture,
                 "a cause that crashes again while others end is not lost",
                 "[supervisor]") {
  how["c"] = manners::slow;
  start({make("a"), make("b", {"a"}), make("c", {"a"})});
  happened();
  crash("a");
  crash("b"); // Waits for its turn behind the slow one.
  advance(2900ms);
  CHECK(happened() == "-a -b");
  advance(backoff);
  CHECK(happened() == "-c +a +b +c");
}

TEST_CASE_METHOD(supervisor_fixture, "the backoff grows with each crash",
                 "[supervisor]") {
  start({make("a")});
  caf::timespan least = 100ms;
  for (int i = 0; i < 5; ++i, least *= 2) {
    crash("a");
    happened();
    advance(least - 10ms, 10ms);
    CHECK(happened().empty());
    advance(least / 4 + 20ms, 10ms);
    CHECK(happened() == "+a");
  }
}

TEST_CASE_METHOD(supervisor_fixture, "too many crashes stop the daemon",
                 "[supervisor]") {
  start({make("a"), make("b"), make("c")});
  for (int i = 0; i < 5; ++i) {
    crash("b");
    advance(3s);
  }
  CHECK(alive.size() == 3);
  happened();
  crash("b");
  CHECK(happened() == "-b -c -a");
  REQUIRE(ended);
  CHECK(render(*ended).find("worker b crashed too often") == 0);
}

TEST_CASE_METHOD(supervisor_fixture, "old crashes are forgiven",
                 "[supervisor]") {
  start({make("a")});
  for (int i = 0; i < 20; ++i) {
    crash("a");
    advance(13s);
  }
  CHECK(!ended);
  CHECK(status("a").restarts == 20);
}

TEST_CASE_METHOD(supervisor_fixture,
                 "the daemon lives on without what is not essential",
                 "[supervisor]") {
  int calls = 0;
  auto sink = make("log_sink");
  sink.essential = false;
  sink.on_given_up = [&calls] { ++calls; };
  start({sink, make("b")});
  for (int i = 0; i < 6; ++i) {
    crash("log_sink");
    advance(3s);
  }
  CHECK(calls == 1);
  CHECK(status("log_sink").phase == worker_phase::stopped);
  advance(120s, 1s);
  CHECK(alive == std::set<std::string>{"b"});
  crash("b");
  advance(backoff);
  CHECK(status("b").phase == worker_phase::running);
  stop();
  REQUIRE(ended);
  CHECK(*ended == caf::exit_reason::user_shutdown);
}

TEST_CASE_METHOD(supervisor_fixture,
                 "a worker that ignores its exit is killed in time",
                 "[supervisor]") {
  how["b"] = manners::deaf;
  start({make("a"), make("b"), make("c")});
  happened();
  stop();
  advance(4900ms);
  CHECK(happened() == "-c");
  advance(backoff);
  CHECK(happened() == "-b -a");
  REQUIRE(ended);
  CHECK(*ended == caf::exit_reason::user_shutdown);
}

TEST_CASE_METHOD(supervisor_fixture,
                 "what does not even die is named, within the grace period",
                 "[supervisor]") {
  std::optional<caf::scoped_actor> hung;
  hung.emplace(sys); // Nobody runs its mailbox.
  how["a"] = manners::deaf;
  auto curl = make("curl");
  curl.start = [&hung] { return caf::actor_cast<caf::actor>(*hung); };
  start({make("a"), curl, make("c")});
  happened();
  stop();
  advance(9900ms);
  CHECK(happened() == "-c -a");
  REQUIRE(ended);
  CHECK(render(*ended) == "did not end: curl");
}

TEST_CASE_METHOD(supervisor_fixture,
                 "two incarnations never meet: one that hangs ends the daemon",
                 "[supervisor]") {
  std::optional<caf::scoped_actor> hung;
  hung.emplace(sys);
  auto curl = make("curl", {"a"});
  int starts = 0;
  curl.start = [&] { return ++starts, caf::actor_cast<caf::actor>(*hung); };
  start({make("a"), curl, make("c")});
  crash("a");
  advance(10s);
  CHECK(starts == 1);
  REQUIRE(ended);
  CHECK(render(*ended) == "did not end: curl");
  CHECK(alive.empty());
}

TEST_CASE_METHOD(supervisor_fixture, "an exception is told by its text",
                 "[supervisor]") {
  start({make("a")});
  events.clear();
  auto err
    = ask_error<polling_status>(address["a"], refresh_polling{{"corr-1"}});
  CHECK(render(err) == "broken \"on purpose\"");
  CHECK(status("a").last_error == "broken \"on purpose\"");
  REQUIRE(events.size() == 1);
  CHECK(nlohmann::json::parse(events[0].data)["error"]
        == "broken \"on purpose\"");
  advance(backoff);
  CHECK(status("a").phase == worker_phase::running);
}

TEST_CASE_METHOD(supervisor_fixture, "a worker that just ends has crashed",
                 "[supervisor]") {
  start({make("a")});
  caf::anon_send(address["a"], tick{});
  settle();
  CHECK(status("a").last_error == "ended without being asked to");
  advance(backoff);
  CHECK(happened() == "+a -a +a");
}
