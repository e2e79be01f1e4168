#pragma once

#include "actors/provider_gateway/curl_thread.hpp"
#include "actors/support/actor.hpp"
#include "messages/interfaces.hpp"

#include <caf/typed_response_promise.hpp>

#include <map>
#include <memory>

namespace tunerd {

/// The HTTP CLIENT with what its own thread tells it.
using http_client_worker = http_client_actor::extend<
  // INTERNAL: a call is over.
  caf::reacts_to<http_done>>;

/// State of the HTTP CLIENT: one promise per call that the thread has.
struct http_client_state {
  static inline constexpr const char* name = "http-client";

  // -- data -------------------------------------------------------------------

  pointer<http_client_worker, http_client_state> self;
  std::shared_ptr<curl_thread> thread;
  uint64_t last_id = 0;

  /// Keyed by call. Bounded by the thread, which refuses what it has no room
  /// for; an entry leaves when the thread is done with its call.
  std::map<uint64_t, caf::typed_response_promise<http_response>> pending = {};

  // -- handlers ---------------------------------------------------------------

  caf::result<http_response> call(const http_request& request);

  void finish(http_done& done);
};

/// Spawn function of the HTTP CLIENT. Passes each request to `thread`; answers
/// `overloaded` if that takes it not.
/// @param thread Outlives the actor; stopped by its owner.
http_client_worker::behavior_type
http_client(pointer<http_client_worker, http_client_state> self,
            std::shared_ptr<curl_thread> thread);

} // namespace tunerd
