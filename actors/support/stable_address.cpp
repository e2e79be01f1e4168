#include "actors/support/stable_address.hpp"

#include "messages/error.hpp"
#include "messages/type_ids.hpp"

#include <caf/event_based_actor.hpp>

namespace tunerd {

caf::result<caf::message> address_state::forward(caf::message_view& x) {
  if (worker)
    return self->delegate(worker, x.move_content_to_message());
  if (self->current_mailbox_element()->mid.is_async())
    return caf::delegated<caf::message>{}; // An error would end the sender.
  return make_error(ec::worker_restarting, "the worker is being restarted");
}

caf::behavior stable_address(caf::stateful_actor<address_state>* self) {
  self->set_default_handler(
    [self](auto*, caf::message_view& x) { return self->state.forward(x); });
  return {
    [self](incarnation& next) { self->state.worker = std::move(next.worker); },
  };
}

} // namespace tunerd
