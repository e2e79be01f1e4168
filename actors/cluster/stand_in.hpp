#pragma once

#include "messages/cluster_interfaces.hpp"

#include <caf/stateful_actor.hpp>

namespace tunerd {

/// State of the STAND-IN: answers for the workers that only the leader has, on
/// a node that does not lead.
struct stand_in_state {
  static inline constexpr const char* name = "stand-in";

  caf::stateful_actor<stand_in_state>* self;

  /// An empty name: nobody that is known.
  leader_known leader = {};

  /// Refuses a request with the name of the leader. What is merely sent is a
  /// hint, and dropped.
  caf::result<caf::message> refuse();
};

/// Spawn function of the STAND-IN.
caf::behavior stand_in(caf::stateful_actor<stand_in_state>* self);

} // namespace tunerd
