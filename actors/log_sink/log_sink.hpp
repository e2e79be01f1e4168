#pragma once

#include "actors/support/actor.hpp"
#include "actors/support/log_core.hpp"
#include "messages/interfaces.hpp"

#include <memory>

namespace tunerd {

/// State of the LOG SINK: drives the log of the process while it lives. It
/// holds no line: what it has not written when it dies waits in the buffer,
/// and the end of the driver writes it.
struct log_sink_state {
  static inline constexpr const char* name = "log-sink";

  // -- data -------------------------------------------------------------------

  pointer<log_sink_actor, log_sink_state> self;
  std::unique_ptr<log_driver> driver = {};

  // -- handlers, in the order of the interface --------------------------------

  void write();
  void reopen();
  log_levels levels(const get_log_levels& query) const;
  caf::result<log_levels> change_level(const change_log_level& command);
};

/// Writes the lines of the log to where `configure_logging` says. Blocks: run
/// it detached.
log_sink_actor::behavior_type
log_sink(pointer<log_sink_actor, log_sink_state> self);

} // namespace tunerd
