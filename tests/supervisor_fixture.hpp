#pragma once

#include "actors/supervisor/supervisor.hpp"
#include "actors/supervisor/worker_status.hpp"
#include "actors/support/stable_address.hpp"

#include "tests/deterministic.hpp"
#include "tests/log_capture.hpp"

#include <caf/event_based_actor.hpp>

#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <vector>

namespace tunerd::test {

using namespace std::literals;

enum class manners { good, slow, deaf };

/// A worker that answers `get_polling_status`, ends normally on `tick` and
/// throws on `refresh_polling`.
struct patient_state {
  static inline constexpr const char* name = "patient";
  pointer<job_poller_actor, patient_state> self;
};

inline job_poller_actor::behavior_type
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

} // namespace tunerd::test
