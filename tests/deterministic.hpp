#pragma once

#include "messages/type_ids.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <optional>
#include <vector>

namespace tunerd::test {

/// An actor system without threads and without real time: messages move only
/// in `settle`, timeouts fire only in `advance`. No test sleeps.
class deterministic {
public:
  deterministic() : sys(init(cfg)) {
    sched.clock().current_time += std::chrono::hours{1}; // never t == 0
  }

  ~deterministic() {
    for (auto& hdl : spawned)
      caf::anon_send_exit(hdl, caf::exit_reason::kill);
    settle();
  }

protected:
  /// Delivers messages until every mailbox is empty.
  void settle() {
    while (sched.try_run_once()) {
    }
  }

  /// Moves the clock in small steps and delivers what that causes; one big
  /// jump would fire a re-armed timer only once.
  void advance(caf::timespan total,
               caf::timespan step = std::chrono::milliseconds{100}) {
    settle();
    for (caf::timespan t{0}; t < total; t += step) {
      sched.advance_time(step);
      settle();
    }
  }

  /// The time of day that goes with the virtual clock.
  timestamp now() {
    return timestamp{std::chrono::duration_cast<caf::timespan>(
      sched.clock().current_time.time_since_epoch())}
           + std::chrono::hours{24 * 365 * 50};
  }

  /// Spawns an actor that the fixture stops at the end of the test.
  template <class... Ts>
  auto spawn(Ts&&... xs) {
    auto hdl = sys.spawn(std::forward<Ts>(xs)...);
    spawned.push_back(caf::actor_cast<caf::actor>(hdl));
    return hdl;
  }

  /// Spawns an actor that keeps every `Message` it gets in `log`.
  template <class Message>
  auto spawn_recorder(std::vector<Message>& log) {
    using handle = caf::typed_actor<caf::reacts_to<Message>>;
    return spawn([&log](typename handle::pointer) ->
                 typename handle::behavior_type {
                   return {[&log](const Message& msg) { log.push_back(msg); }};
                 });
  }

  /// Sends a request and delivers everything. @returns the answer; fails the
  /// test if there is none or it is an error.
  template <class Answer, class Handle, class Message>
  Answer ask(const Handle& to, const Message& message) {
    std::optional<Answer> answer;
    auto err = try_ask<Answer>(to, message, answer);
    INFO("answered " << caf::to_string(err));
    REQUIRE(answer);
    return *answer;
  }

  /// The same where an error is expected. @returns it.
  template <class Answer, class Handle, class Message>
  caf::error ask_error(const Handle& to, const Message& message) {
    std::optional<Answer> answer;
    auto err = try_ask<Answer>(to, message, answer);
    CHECK(!answer);
    return err;
  }

  caf::actor_system_config cfg;
  caf::actor_system sys;
  caf::scoped_actor self{sys};
  caf::scheduler::test_coordinator& sched
    = dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());
  std::vector<caf::actor> spawned;

private:
  template <class Answer, class Handle, class Message>
  caf::error try_ask(const Handle& to, const Message& message,
                     std::optional<Answer>& answer) {
    auto pending = self->request(to, std::chrono::minutes{1}, message);
    settle();
    caf::error result;
    pending.receive([&](Answer& x) { answer = std::move(x); },
                    [&](caf::error& err) { result = std::move(err); });
    return result;
  }

  static caf::actor_system_config& init(caf::actor_system_config& cfg) {
    cfg.add_message_types<caf::id_block::tunerd>();
    cfg.set("scheduler.policy", caf::atom("testing"));
    cfg.set("logger.verbosity", caf::atom("quiet"));
    return cfg;
  }
};

} // namespace tunerd::test
