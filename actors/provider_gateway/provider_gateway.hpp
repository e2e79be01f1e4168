#pragma once

#include "actors/provider_gateway/provider_account.hpp"
#include "actors/support/actor.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/live.hpp"
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
  /// Without a refresh token there is no such provider.
  config::simpletuner_io simpletuner_io = {};
  config::outbound outbound = {};
  secret_source secrets = {};
  outside world = {};
  metrics_ptr counts = std::make_shared<metrics>();
  /// Set to `outbound` as the API has changed it; the curl thread's own.
  live<config::outbound> network = {};
  /// How old or new a delivery may be. SIMPLETUNER_WEBHOOK_TIMESTAMP_TOLERANCE.
  std::chrono::seconds webhook_tolerance{300};
  /// The provider is a simulator: nothing set over the API leads elsewhere.
  bool keeps_base_url = false;
};

/// The PROVIDER GATEWAY with what it tells itself.
using provider_gateway_worker = provider_desk_actor::extend<
  // INTERNAL: call `generation` may go on, its pause is over or its place in
  // the budget has come; 0 is the reading of the settings.
  caf::reacts_to<tick>>;

/// What a call counts as.
enum class call_kind : uint8_t {
  /// Queries and cancellations: tried up to `tries_max` times.
  other,
  /// A submission: written once, since nobody could tell two apart.
  create,
};

/// State of the PROVIDER GATEWAY: which calls are under way.
struct provider_gateway_state {
  static inline constexpr const char* name = "provider-gateway";

  /// Gets the last answer to a call, or why it was not made.
  using finish_call = std::function<void(const caf::expected<http_response>&)>;

  /// A call until its answer.
  struct call {
    /// For a log reader: look_up, list, cancel, ...
    const char* operation;
    provider_account* to;
    /// Without the pass.
    http_request request;
    /// Delivers the promise.
    finish_call finish;
    call_kind kind = call_kind::other;
    /// When its caller began to wait.
    circuit_breaker::time_point begun = {};
    /// How long a query may take in all; 0: `provider_call_max`.
    caf::timespan longest = {};
    /// That of its provider when `request` was made.
    uint64_t era = 0;
    /// It has been given its place in the budget and waits for it.
    bool has_place = false;
    int tries = 0;
    /// The pass it was last made with.
    uint64_t pass = 0;
    /// That pass was no good, and it has been given another.
    bool has_new_pass = false;
  };

  // -- data -------------------------------------------------------------------

  pointer<provider_gateway_worker, provider_gateway_state> self;
  http_client_actor client;
  settings_store_actor stored;
  provider_gateway_settings settings;
  /// Keyed by name. Entries neither come nor go, so that calls point at them.
  std::map<std::string, provider_account> providers = {};

  /// Keyed by a number of our own, from 1. An entry leaves with its answer, at
  /// the latest after `provider_call_max`. At most `calls_max`, then
  /// `overloaded`; submissions find room for as many more.
  std::map<uint64_t, call> calls = {};
  uint64_t last_call = 0;
  static constexpr size_t calls_max = 4096;

  /// Of the newest question to the store: only its answer counts.
  uint64_t settings_asked = 0;
  int settings_failures = 0;
  bool settings_retry_pending = false;

  // -- handlers, in the order of the interface --------------------------------

  caf::result<job_prepared> prepare(const prepare_job& request);

  caf::result<submission_outcome> submit(const submit_to_provider& command);

  caf::result<provider_job_found> look_up(const get_provider_job& query);

  caf::result<provider_job_page> list(const list_provider_jobs& query);

  caf::result<provider_job_cancelled>
  cancel(const cancel_provider_job& command);

  provider_list list_providers(const get_providers& query) const;

  caf::result<provider_config_found>
  show_config(const get_provider_config& query);

  caf::result<provider_validated> validate(const validate_provider& query);

  breaker_list show_breakers(const get_breakers& query) const;

  caf::result<webhook_read> read(const read_webhook& query);

  caf::result<test_webhook_sent> send_test(const send_test_webhook& command);

  void reload(const settings_changed& hint);

  void try_again(const tick& due);

  // -- steps of calls (provider_calls.cpp) ------------------------------------

  /// @returns the provider of that name or `unknown_provider`.
  caf::expected<provider_account*> find(const std::string& provider);

  void begin(call started);

  /// Makes the call if it has all it needs: a pass, a place in the budget, the
  /// breaker's leave. Else it waits or ends.
  void make_call(uint64_t id);

  /// @returns whether the call may be made now; if not, it comes back or ended.
  bool has_turn(uint64_t id, call& x);

  /// @returns the last moment at which the call may still be made.
  circuit_breaker::time_point last_start(const call& x) const;

  void write_call(uint64_t id, call& x);

  void settle(uint64_t id, const http_response& response);

  /// Tells the budget what the answer says about it.
  void note_throttling(call& x, const http_response& response);

  /// @returns whether the call goes on with a new pass instead of `response`.
  bool goes_on_with_new_pass(call& x, const http_response& response);

  /// @returns how long a submission that was not sent should wait.
  caf::timespan pause_of(const provider_account& to) const;

  void finish(uint64_t id, const caf::expected<http_response>& result);

  /// Asks the breaker. @returns the era of the call, or none: not now.
  std::optional<uint64_t> admit(named_breaker& guard);

  /// Tells the breaker.
  void conclude(named_breaker& guard, uint64_t era, call_verdict verdict,
                const http_response& response);

  /// Sends `request`, counts and logs what came back; `then` gets an answer in
  /// every case, also when the client failed.
  /// @param era From `admit`.
  void send(named_breaker& guard, uint64_t era, const char* operation,
            const http_request& request,
            std::function<void(const http_response&)> then);

  submission_outcome read_submission(const provider_api& api,
                                     const http_response& response,
                                     const std::vector<std::string>& sent);

  /// Completes a job that was looked up with its log output, if that takes a
  /// call of its own.
  void add_logs(caf::typed_response_promise<provider_job_found> promise,
                const get_provider_job& query, provider_account& to,
                circuit_breaker::time_point begun, provider_job seen);

  // -- steps of passes (provider_pass.cpp) ------------------------------------

  /// @returns whether a call to it has to wait for a pass.
  bool lacks_pass(const provider_account& to) const;

  void await_pass(uint64_t id, call& x);

  /// @param era That of the provider when it was asked for.
  void take_pass(provider_account& to, uint64_t era,
                 const caf::expected<http_response>& response);

  /// Keeps what the provider said of our credential for those who come next.
  void note_refusal(provider_account& to, const http_response& response);

  // -- steps of versions (model_versions.cpp) ---------------------------------

  /// @param model Of `request`, whose version is not known.
  caf::result<job_prepared> prepare_newest(provider_account& to,
                                           const prepare_job& request,
                                           const std::string& model,
                                           http_request question);

  /// Asks unless it is being asked already.
  void ask_newest(provider_account& to, const std::string& model,
                  http_request question);

  /// @returns the entry of `model`, or null if all are being asked about.
  newest_version* entry_of(provider_account& to, const std::string& model);

  /// @param era That of the provider when it was asked.
  void take_versions(provider_account& to, const std::string& model,
                     uint64_t era,
                     const caf::expected<http_response>& response);

  // -- steps of settings (provider_desk.cpp) ----------------------------------

  void read_settings(const context& ctx);

  void take_settings(uint64_t asked, const settings_found& found);

  void miss_settings(uint64_t asked, const caf::error& err);

  void apply(provider_account& to,
             const std::map<std::string, std::string>& values);

  // -- steps of webhooks (webhook_intake.cpp) ---------------------------------

  /// @returns the key that is configured or was fetched lately, none if it has
  /// to be fetched, or why it cannot be used.
  caf::expected<std::optional<std::string>>
  known_key(const provider_account& to) const;

  /// @returns a promise that is kept when the provider has told its key.
  caf::result<webhook_read> await_key(provider_account& to,
                                      const read_webhook& query);

  void take_key(provider_account& to,
                const caf::expected<http_response>& response);

  /// @param key Or why there is none.
  caf::expected<webhook_read> check(const provider_account& to,
                                    const read_webhook& query,
                                    const caf::expected<std::string>& key);

  /// Counts and logs a refusal. @returns `err`.
  caf::error refuse(const read_webhook& query, caf::error err);
};

/// Spawn function of the PROVIDER GATEWAY. Speaks the API of each configured
/// provider through `client`. Queries and cancellations are tried up to three
/// times and may take `provider_call_max`; a submission is written once and may
/// take `submission_max`.
///
/// Each credential has a budget of calls. What finds no place in it waits, and
/// is answered `provider_throttled` or `not_accepted` if that took too long.
/// @param stored May be empty: then the settings of the file stay in force.
provider_gateway_worker::behavior_type
provider_gateway(pointer<provider_gateway_worker, provider_gateway_state> self,
                 provider_gateway_settings settings, http_client_actor client,
                 settings_store_actor stored);

/// @returns the longest that the gateway takes to answer, all tries and pauses
/// included: what its callers' time-outs must exceed.
caf::timespan provider_call_max(const config::outbound& outbound);

/// The same for a submission.
caf::timespan submission_max(const config::outbound& outbound);

} // namespace tunerd
