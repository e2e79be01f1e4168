#include "actors/log_sink/log_sink.hpp"

#include "actors/support/fault_point.hpp"

#include <caf/send.hpp>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.config"};

/// Loggers with a level of their own.
constexpr size_t loggers_max = 1'000;

/// A wake-up from any thread; it does not keep the sink alive.
std::function<void()> wake_up(const log_sink_actor& sink) {
  return [weak = caf::actor_cast<caf::weak_actor_ptr>(sink)] {
    if (auto alive = caf::actor_cast<caf::strong_actor_ptr>(weak))
      caf::anon_send(caf::actor_cast<log_sink_actor>(alive), write_log{});
  };
}

} // namespace

void log_sink_state::write() {
  fault_point("log_sink.write");
  drain_log();
}

void log_sink_state::reopen() {
  reopen_log_file();
}

log_levels log_sink_state::levels(const get_log_levels& query) const {
  const auto now = current_log_settings();
  return {query.ctx, now.level, {now.levels.begin(), now.levels.end()}};
}

caf::result<log_levels>
log_sink_state::change_level(const change_log_level& command) {
  const auto& target = command.logger;
  const auto now = current_log_settings();
  if (!target.empty() && command.level && now.levels.count(target) == 0
      && now.levels.size() >= loggers_max)
    return make_error(ec::overloaded, "too many loggers have their own level");
  const auto say = [&] {
    log.info("Log level of {} is now {}",
             target.empty() ? "all loggers" : target,
             command.level ? to_string(*command.level) : "that of its parent");
  };
  // Said while such lines are still written, or from when on they are.
  const bool was_written = log.enabled(log_level::info);
  if (was_written)
    say();
  if (command.level)
    set_log_level(target, *command.level);
  else
    clear_log_level(target);
  if (!was_written)
    say();
  return levels({command.ctx});
}

log_sink_actor::behavior_type
log_sink(pointer<log_sink_actor, log_sink_state> self) {
  self->state
    = {.self = self, .driver = std::make_unique<log_driver>(wake_up(self))};
  return {
    [self](const write_log&) { self->state.write(); },
    [self](const reopen_log&) { self->state.reopen(); },
    [self](const get_log_levels& x) { return self->state.levels(x); },
    [self](const change_log_level& x) { return self->state.change_level(x); },
  };
}

} // namespace tunerd
