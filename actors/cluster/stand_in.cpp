#include "actors/cluster/stand_in.hpp"

#include "messages/error.hpp"

#include <caf/event_based_actor.hpp>

namespace tunerd {

namespace {

std::string refusal(const leader_known& leader) {
  if (leader.name.empty())
    return "no node leads at the moment";
  auto result = "this node does not lead, node " + leader.name + " does";
  return leader.url.empty() ? result : result + ", at " + leader.url;
}

} // namespace

caf::result<caf::message> stand_in_state::refuse() {
  if (self->current_mailbox_element()->mid.is_async())
    return caf::delegated<caf::message>{}; // An error would end the sender.
  return make_error(ec::worker_restarting, refusal(leader));
}

caf::behavior stand_in(caf::stateful_actor<stand_in_state>* self) {
  self->set_default_handler(
    [self](auto*, caf::message_view&) { return self->state.refuse(); });
  return {
    [self](const leader_known& x) { self->state.leader = x; },
  };
}

} // namespace tunerd
