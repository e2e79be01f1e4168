#include "actors/supervisor/supervisor.hpp"
#include "actors/supervisor/worker_status.hpp"
#include "actors/support/stable_address.hpp"

#include "tests/deterministic.hpp"
#include "tests/log_capture.hpp"

#include <caf/event_based_actor.hpp>

#include <nlohmann/json.hpp>

#include <map>
#include <random>
#include <set>

using namespace tunerd;
using namespace std::literals;

namespace {

enum class manners { good, slow, deaf };

/// A worker that answers `get_polling_status`, ends normally on `tick` and
/// throws on `refresh_polling`.
struct patient_state {
  static inline constexpr const char* name = "patient";
  pointer<job_poller_actor, patient_state> self;
};

job_poller_actor::behavior_type
patient(pointer<job_poller_actor, patient_state> self, manners how) {
  self->state = {.self = self};
  self->set_exit_handler([self, how](caf::exit_msg& exit) {
    if (how == manners::slow)
      self->delayed_send(self, 3s, tick{});
    else if (how == manners::good)
      self->quit(exit.reason);
  });
  return {
    [](const refresh_polling&) -> caf::result<polling_status> {
      throw std::runtime_error("broken \"on purpose\"");
    },
    [](const get_polling_status& x) {
      return polling_status{x.ctx, true};
    },
    [](const poll_jobs& x) { return jobs_polled{x.ctx}; },
    [self](const tick&) { self->quit(); },
  };
}

struct supervisor_fixture : test::deterministic {
  supervisor_fixture() {
    settings.out = {.now = [this] { return now(); }, .random = rng};
    store = spawn([this](event_log_actor::pointer) {
      return event_log_actor::behavior_type{
        [this](const append_event& x) -> caf::result<event_appended> {
          if (store_fails)
            return make_error(ec::database_error, "disk full");
          CHECK(x.ctx.correlation_id == x.subject.correlation_id);
          events.push_back(x.subject);
          return event_appended{x.ctx, 1};
        },
        [](const read_events& x) { return event_page{x.ctx}; },
      };
    });
  }

  ~supervisor_fixture() {
    caf::anon_send_exit(aut, caf::exit_reason::kill);
    settle();
    for (auto& [name, hdl] : live)
      caf::anon_send_exit(hdl, caf::exit_reason::kill);
    settle();
  }

  /// A worker that writes "+NAME" and "-NAME" into `diary`.
  worker make(const std::string& name,
              std::vector<std::string> restarts_with = {}) {
    address[name] = spawn_address<job_poller_actor>(sys);
    return {
      .name = name,
      .start =
        [this, name] {
          if (cannot_start.count(name) > 0)
            throw std::runtime_error("no " + name + " today");
          auto hdl = caf::actor_cast<caf::actor>(sys.spawn(patient, how[name]));
          diary.push_back("+" + name);
          CHECK(alive.insert(name).second);
          hdl->attach_functor([this, name](const caf::error&) {
            diary.push_back("-" + name);
            alive.erase(name);
          });
          incarnations.emplace_back(caf::actor_cast<caf::weak_actor_ptr>(hdl));
          return live[name] = hdl;
        },
      .address = caf::actor_cast<caf::actor>(address[name]),
      .restarts_with = std::move(restarts_with)};
  }

  void start(std::vector<worker> workers) {
    aut = spawn(supervisor, std::move(workers), settings, store);
    caf::actor_cast<caf::actor>(aut)->attach_functor(
      [this](const caf::error& why) { ended = why; });
    settle();
  }

  void crash(const std::string& name) {
    caf::anon_send_exit(live[name], caf::exit_reason::kill);
    settle();
  }

  void stop() {
    caf::anon_send_exit(aut, caf::exit_reason::user_shutdown);
    settle();
  }

  /// A worker that people may stop.
  worker make_stoppable(const std::string& name,
                        std::vector<std::string> restarts_with = {}) {
    auto result = make(name, std::move(restarts_with));
    result.may_be_stopped = true;
    return result;
  }

  static control_worker order(const std::string& name, worker_action action) {
    return {{"corr-7"}, name, action};
  }

  worker_phase control(const std::string& name, worker_action action) {
    const auto answer = ask<worker_list>(aut, order(name, action));
    CHECK(answer.ctx.correlation_id == "corr-7");
    for (const auto& x : answer.workers)
      if (x.name == name)
        return x.phase;
    FAIL("no worker " << name);
    return {};
  }

  ec refused(const std::string& name, worker_action action) {
    return code_of(ask_error<worker_list>(aut, order(name, action)));
  }

  /// Orders without waiting. @returns what `told` looks at.
  auto send_order(const std::string& name, worker_action action) {
    auto result
      = self->request(aut, std::chrono::minutes{1}, order(name, action));
    settle();
    return result;
  }

  /// @returns what an order was answered; none for success.
  template <class Response>
  std::optional<ec> told(Response& response) {
    std::optional<ec> result;
    REQUIRE(self->has_next_message());
    response.receive([](const worker_list&) {},
                     [&](const caf::error& err) { result = code_of(err); });
    return result;
  }

  worker_state status(const std::string& name) {
    for (const auto& x : ask<worker_list>(aut, get_workers{{"corr-1"}}).workers)
      if (x.name == name)
        return x;
    FAIL("no worker " << name);
    return {};
  }

  /// What happened since the last call.
  std::string happened() {
    std::string result;
    for (const auto& entry : std::exchange(diary, {}))
      result += (result.empty() ? "" : " ") + entry;
    return result;
  }

  std::mt19937_64 rng{7};
  supervisor_settings settings;
  event_log_actor store;
  bool store_fails = false;
  std::vector<event> events;
  std::map<std::string, manners> how;
  std::set<std::string> cannot_start;
  std::map<std::string, job_poller_actor> address;
  std::map<std::string, caf::actor> live;
  std::vector<caf::weak_actor_ptr> incarnations;
  std::set<std::string> alive;
  std::vector<std::string> diary;
  supervisor_actor aut;
  std::optional<caf::error> ended;
};

/// Waits longer than any first backoff.
constexpr auto backoff = 200ms;

} // namespace

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
  CHECK(sched.clock().schedule().empty());
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
