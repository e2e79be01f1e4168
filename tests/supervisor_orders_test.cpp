#include "tests/supervisor_fixture.hpp"

#include <nlohmann/json.hpp>

#include <random>
#include <set>

using namespace tunerd;
using namespace tunerd::test;

TEST_CASE_METHOD(supervisor_fixture, "people may stop and start a worker",
                 "[supervisor][L6]") {
  test::log_capture log;
  start({make("a"), make_stoppable("b"), make("c")});
  happened();
  events.clear();
  log.clear();
  CHECK(control("b", worker_action::stop) == worker_phase::stopped);
  CHECK(happened() == "-b");
  CHECK(log.lines_with("Worker stopped").at(0).extra.at("worker") == "b");
  CHECK(code_of(ask_error<polling_status>(address["b"],
                                          get_polling_status{{"corr-1"}}))
        == ec::worker_restarting);
  advance(300s, 1s);
  CHECK(happened().empty()); // It stays down.
  crash("c");
  advance(backoff);
  CHECK(happened() == "-c +c"); // And keeps nobody else down.
  CHECK(status("b").phase == worker_phase::stopped);
  CHECK(control("b", worker_action::stop) == worker_phase::stopped);
  CHECK(control("b", worker_action::start) == worker_phase::running);
  CHECK(control("b", worker_action::start) == worker_phase::running);
  CHECK(happened() == "+b");
  CHECK(ask<polling_status>(address["b"], get_polling_status{{"corr-1"}})
          .is_active);
  CHECK(status("b").restarts == 0);
  CHECK(status("b").last_error.empty());
  CHECK(settings.counts->worker_restarts.value() == 1);
  std::string states;
  for (const auto& x : events) {
    const auto data = nlohmann::json::parse(x.data);
    if (data["worker"] != "b")
      continue;
    CHECK(x.correlation_id == "corr-7");
    states += data["state"].get<std::string>() + ' ';
  }
  CHECK(states == "stopped running ");
}

TEST_CASE_METHOD(supervisor_fixture, "who is not to be stopped is not",
                 "[supervisor]") {
  start({make("a"), make_stoppable("b")});
  happened();
  CHECK(refused("a", worker_action::stop) == ec::conflict);
  CHECK(refused("nobody", worker_action::stop) == ec::not_found);
  CHECK(refused("nobody", worker_action::start) == ec::not_found);
  CHECK(happened().empty());
  CHECK(status("a").phase == worker_phase::running);
}

TEST_CASE_METHOD(supervisor_fixture, "a stop is answered when it is done",
                 "[supervisor]") {
  how["b"] = manners::slow;
  start({make("a"), make_stoppable("b")});
  happened();
  auto stopped = send_order("b", worker_action::stop);
  advance(2900ms);
  CHECK(!self->has_next_message());
  CHECK(code_of(ask_error<polling_status>(address["b"],
                                          get_polling_status{{"corr-1"}}))
        == ec::worker_restarting);
  advance(200ms);
  CHECK(happened() == "-b");
  CHECK(!told(stopped));
}

TEST_CASE_METHOD(supervisor_fixture, "a stop that is ignored ends in a kill",
                 "[supervisor]") {
  how["b"] = manners::deaf;
  start({make("a"), make_stoppable("b")});
  happened();
  auto stopped = send_order("b", worker_action::stop);
  advance(4900ms);
  CHECK(happened().empty());
  advance(backoff);
  CHECK(happened() == "-b");
  CHECK(!told(stopped));
  CHECK(status("b").phase == worker_phase::stopped);
  CHECK(!ended);
  CHECK(control("b", worker_action::start) == worker_phase::running);
}

TEST_CASE_METHOD(supervisor_fixture, "the last order counts", "[supervisor]") {
  how["b"] = manners::slow;
  start({make("a"), make_stoppable("b")});
  happened();
  auto first = send_order("b", worker_action::stop);
  auto second = send_order("b", worker_action::start);
  CHECK(told(first) == ec::conflict);
  CHECK(!self->has_next_message());
  advance(4s);
  CHECK(happened() == "-b +b");
  CHECK(!told(second));
  CHECK(status("b").restarts == 0);
  crash("b");
  advance(backoff);
  CHECK(status("b").restarts == 1);
}

TEST_CASE_METHOD(supervisor_fixture, "a crashed worker can be stopped, too",
                 "[supervisor]") {
  start({make("a"), make_stoppable("b")});
  crash("b");
  happened();
  CHECK(control("b", worker_action::stop) == worker_phase::stopped);
  advance(50s);
  CHECK(happened().empty());
  cannot_start = {"b"};
  auto started = send_order("b", worker_action::start);
  CHECK(!self->has_next_message());
  cannot_start.clear();
  advance(1s);
  CHECK(!told(started));
  CHECK(happened() == "+b");
}

TEST_CASE_METHOD(supervisor_fixture, "a start that takes too long is answered",
                 "[supervisor]") {
  settings.policy.backoff_min = 20s;
  start({make("a"), make_stoppable("b")});
  CHECK(control("b", worker_action::stop) == worker_phase::stopped);
  cannot_start = {"b"};
  auto started = send_order("b", worker_action::start);
  advance(9900ms);
  CHECK(!self->has_next_message());
  advance(backoff);
  CHECK(told(started) == ec::worker_restarting);
  cannot_start.clear();
  advance(20s);
  CHECK(status("b").phase == worker_phase::running);
}

TEST_CASE_METHOD(supervisor_fixture, "the end of the daemon answers all orders",
                 "[supervisor]") {
  how["b"] = how["c"] = manners::slow;
  start({make("a"), make_stoppable("b"), make_stoppable("c")});
  auto first = send_order("b", worker_action::stop);
  auto second = send_order("c", worker_action::stop);
  auto third = send_order("c", worker_action::start);
  CHECK(told(second) == ec::conflict);
  // Its turn had not come.
  CHECK(!told(third));
  auto fourth = send_order("b", worker_action::start);
  CHECK(told(first) == ec::conflict);
  stop();
  CHECK(told(fourth) == ec::conflict);
  CHECK(refused("b", worker_action::start) == ec::conflict);
  advance(8s);
  CHECK(ended);
  CHECK(alive.empty());
}

TEST_CASE_METHOD(supervisor_fixture,
                 "who caches the content of a stopped worker starts with it",
                 "[supervisor]") {
  start({make_stoppable("a"), make("b", {"a"})});
  happened();
  CHECK(control("a", worker_action::stop) == worker_phase::stopped);
  CHECK(happened() == "-a");
  crash("b");
  advance(backoff);
  CHECK(happened() == "-b +b");
  CHECK(control("a", worker_action::start) == worker_phase::running);
  CHECK(happened() == "-b +a +b");
}
