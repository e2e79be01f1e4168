#include "actors/provider_gateway/http_client.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

namespace tunerd {

caf::result<http_response>
http_client_state::call(const http_request& request) {
  const auto id = ++last_id;
  const auto weak = caf::actor_cast<caf::weak_actor_ptr>(self);
  // Runs on the curl thread: it may send and nothing else.
  auto on_answer = [weak, id](http_response response) {
    if (auto me = caf::actor_cast<caf::strong_actor_ptr>(weak))
      caf::anon_send(caf::actor_cast<http_client_worker>(me),
                     http_done{id, std::move(response)});
  };
  if (!thread->submit(request, std::move(on_answer)))
    return make_error(ec::overloaded, "too many outbound calls");
  return pending[id] = self->make_response_promise<http_response>();
}

void http_client_state::finish(http_done& done) {
  if (auto entry = pending.extract(done.id))
    entry.mapped().deliver(std::move(done.response));
}

http_client_worker::behavior_type
http_client(pointer<http_client_worker, http_client_state> self,
            std::shared_ptr<curl_thread> thread) {
  self->state = {.self = self, .thread = std::move(thread)};
  return {
    [self](const http_request& x) { return self->state.call(x); },
    [self](http_done& x) { self->state.finish(x); },
  };
}

} // namespace tunerd
