#pragma once

#include "actors/provider_gateway/provider_api.hpp"
#include "actors/support/actor.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/metrics.hpp"
#include "config/providers.hpp"
#include "messages/interfaces.hpp"

#include <caf/actor_clock.hpp>
#include <caf/typed_response_promise.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace tunerd {

/// What the PROVIDER GATEWAY is made of.
struct provider_gateway_settings {
  config::replicate replicate = {};
  config::outbound outbound = {};
  secret_source secrets = {};
  outside world = {};
  metrics_ptr counts = std::make_shared<metrics>();
};

/// The PROVIDER GATEWAY with what it tells itself.
using provider_gateway_worker = provider_desk_actor::extend<
  // INTERNAL: the pause before the next try of call `generation` is over.
  caf::reacts_to<tick>>;

/// State of the PROVIDER GATEWAY: which queries and cancellations are under
/// way. Submissions leave nothing here: they are tried once.
struct provider_gateway_state {
  static inline constexpr const char* name = "provider-gateway";

  /// A query or cancellation until its answer.
  struct call {
    /// For a log reader: look_up, list, cancel.
    const char* operation;
    std::shared_ptr<const provider_api> api;
    http_request request;
    /// Delivers the promise.
    std::function<void(const http_response&)> finish;
    int tries = 0;
  };

  // -- data -------------------------------------------------------------------

  pointer<provider_gateway_worker, provider_gateway_state> self;
  http_client_actor client;
  settings_store_actor stored;
  secret_source secrets;
  outside world;
  /// How long the client may take to answer.
  caf::timespan patience;
  /// Keyed by name; fixed.
  std::map<std::string, std::shared_ptr<const provider_api>> providers;

  /// Keyed by a number of our own. An entry leaves with its answer, at the
  /// latest after `tries_max` tries. At most `calls_max`, then `overloaded`.
  std::map<uint64_t, call> calls = {};
  uint64_t last_call = 0;
  static constexpr size_t calls_max = 4096;

  // -- handlers, in the order of the interface --------------------------------

  caf::result<job_prepared> prepare(const prepare_job& request);

  caf::result<submission_outcome> submit(const submit_to_provider& command);

  caf::result<provider_job_found> look_up(const get_provider_job& query);

  caf::result<provider_job_page> list(const list_provider_jobs& query);

  caf::result<provider_job_cancelled>
  cancel(const cancel_provider_job& command);

  caf::result<provider_list> list_providers(const get_providers& query);

  caf::result<provider_config_found> show_config(
    const get_provider_config& query);

  caf::result<provider_validated> validate(const validate_provider& query);

  caf::result<breaker_list> show_breakers(const get_breakers& query);

  caf::result<webhook_read> read(const read_webhook& query);

  caf::result<test_webhook_sent> send_test(const send_test_webhook& command);

  void reload(const settings_changed& hint);

  void try_again(const tick& due);

  // -- steps ------------------------------------------------------------------

  /// @returns the provider of that name or `unknown_provider`.
  caf::expected<std::shared_ptr<const provider_api>>
  find(const std::string& provider) const;

  submission_outcome read_submission(const provider_api& api,
                                     const http_response& response,
                                     const std::vector<std::string>& sent);

  /// @returns an error if there is no room.
  caf::error begin(call started);

  void make_call(uint64_t id);

  void settle(uint64_t id, const http_response& response);

  /// Sends `request` and logs what came back; `then` gets an answer in every
  /// case, also when the client failed.
  void send(const char* operation, const http_request& request,
            std::function<void(const http_response&)> then);
};

/// Spawn function of the PROVIDER GATEWAY. Speaks the API of each configured
/// provider through `client`. Queries and cancellations are tried up to three
/// times and may take `provider_call_max`; a submission is tried once.
provider_gateway_worker::behavior_type
provider_gateway(pointer<provider_gateway_worker, provider_gateway_state> self,
                 provider_gateway_settings settings, http_client_actor client,
                 settings_store_actor stored);

/// @returns the longest that the gateway takes to answer, all tries and pauses
/// included: what its callers' time-outs must exceed.
caf::timespan provider_call_max(const config::outbound& outbound);

} // namespace tunerd
