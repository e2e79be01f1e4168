#include "actors/log_sink/log_sink.hpp"

#include "actors/support/fault_point.hpp"

#include <caf/send.hpp>

namespace tunerd {

namespace {

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

log_sink_actor::behavior_type
log_sink(pointer<log_sink_actor, log_sink_state> self) {
  self->state
    = {.self = self, .driver = std::make_unique<log_driver>(wake_up(self))};
  return {
    [self](const write_log&) { self->state.write(); },
    [self](const reopen_log&) { self->state.reopen(); },
  };
}

} // namespace tunerd
