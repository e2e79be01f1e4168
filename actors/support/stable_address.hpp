#pragma once

#include "messages/workers.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>

// Handles are not names: whoever keeps the handle of a dead incarnation talks
// to the dead. So everybody holds the address of a worker instead, which passes
// each message on to the incarnation of the moment.
//
// What a requester gets, however its message meets the crash of a worker:
//
// | the message is                              | answer                      |
// |---------------------------------------------|-----------------------------|
// | at the address while there is no worker     | `worker_restarting`, at once|
// | in the mailbox of the worker that dies      | an error, at once           |
// | on its way to a worker that is dead already | an error, at once           |
// | the one whose handler throws                | the exception's text        |
// | taken, its promise not yet kept             | its own timeout             |
//
// `code_of` reads every one of these errors as `worker_restarting`. Only the
// last row is silent: CAF does not notice dropped promises. What is merely
// sent, not requested, is lost in all of them: hints only.

namespace tunerd {

/// State of a STABLE ADDRESS: who the worker is, if there is one.
struct address_state {
  static inline constexpr const char* name = "stable-address";

  caf::stateful_actor<address_state>* self;

  /// Empty while there is no incarnation. Never a handle of this actor.
  caf::actor worker = {};

  /// Passes the message at hand on; the worker answers its sender directly.
  caf::result<caf::message> forward(caf::message_view& x);
};

/// Spawn function of a STABLE ADDRESS. The supervisor tells it every
/// `incarnation`, an empty one as soon as the worker is not to be used any
/// more. It believes every `incarnation`: never publish it to other nodes.
caf::behavior stable_address(caf::stateful_actor<address_state>* self);

/// @returns a new address for a worker of type `Handle`. It lives as long as
/// somebody holds it.
template <class Handle>
Handle spawn_address(caf::actor_system& sys) {
  return caf::actor_cast<Handle>(sys.spawn(stable_address));
}

} // namespace tunerd
