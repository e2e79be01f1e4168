#include "actors/provider_gateway/provider_gateway.hpp"

#include "actors/provider_gateway/replicate.hpp"
#include "actors/provider_gateway/retry.hpp"
#include "actors/support/fault_point.hpp"

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.providers"};

/// The client answers at its request's time-out; this is for its answer's way.
constexpr caf::timespan margin = std::chrono::seconds{2};

/// One line per provider.
std::map<std::string, std::shared_ptr<const provider_api>>
make_providers(const provider_gateway_settings& x) {
  return {
    {"replicate",
     std::make_shared<replicate>(x.replicate, x.outbound.timeout, x.secrets)},
  };
}

/// What it means when the client itself fails. Our own codes say that it did
/// not take the request; about everything else nothing is known.
http_response failed_call(const context& ctx, const caf::error& err) {
  const bool refused = err == make_error(ec::overloaded, {})
                       || err == make_error(ec::worker_restarting, {});
  return {.ctx = ctx,
          .transfer = refused ? http_transfer::not_sent : http_transfer::lost,
          .failure = render(err)};
}

void log_call(const char* operation, const std::string& method,
              const http_response& response, caf::timespan took) {
  using std::chrono::duration_cast, std::chrono::milliseconds;
  log.debug(
    "Provider call finished",
    {{"operation", operation},
     {"method", std::string_view{method}},
     {"status", int64_t{response.status}},
     {"duration_ms", int64_t{duration_cast<milliseconds>(took).count()}},
     {"failure", std::string_view{response.failure}}});
}

/// @returns why a response is worth a retry, for people.
std::string trouble(const http_response& response) {
  return response.transfer == http_transfer::answered
           ? "HTTP " + std::to_string(response.status)
           : response.failure;
}

submission_outcome refused(const context& ctx, const caf::error& err) {
  return {
    .ctx = ctx, .result = submission_result::refused, .reason = render(err)};
}

caf::error no_external_id() {
  return make_error(ec::no_such_provider_job, "no external id");
}

} // namespace

// -- handlers -----------------------------------------------------------------

caf::result<job_prepared>
provider_gateway_state::prepare(const prepare_job& request) {
  auto api = find(request.provider);
  if (!api)
    return api.error();
  auto prepared = (*api)->prepare(request);
  if (!prepared)
    return prepared.error();
  return std::move(*prepared);
}

caf::result<submission_outcome>
provider_gateway_state::submit(const submit_to_provider& command) {
  auto api = find(command.provider);
  if (!api)
    return refused(command.ctx, api.error());
  auto resolved = resolve_secrets(command.input.body, secrets);
  if (!resolved)
    return refused(command.ctx, resolved.error());
  auto promise = self->make_response_promise<submission_outcome>();
  const auto request = (*api)->submission(command, resolved->body);
  fault_point("provider.before_submit");
  send("submit", request,
       [this, promise, api = *api,
        sent = resolved->secrets](const http_response& response) mutable {
         fault_point("provider.after_submit");
         promise.deliver(read_submission(*api, response, sent));
       });
  return promise;
}

caf::result<provider_job_found>
provider_gateway_state::look_up(const get_provider_job& query) {
  auto api = find(query.provider);
  if (!api)
    return api.error();
  if (query.external_id.empty())
    return no_external_id();
  auto promise = self->make_response_promise<provider_job_found>();
  auto finish
    = [promise, query, api = *api](const http_response& response) mutable {
        if (auto seen = api->read_job(response, query))
          promise.deliver(provider_job_found{query.ctx, std::move(*seen)});
        else
          promise.deliver(seen.error());
      };
  if (auto err = begin({"look_up", *api, (*api)->look_up(query), finish}))
    promise.deliver(err);
  return promise;
}

caf::result<provider_job_page>
provider_gateway_state::list(const list_provider_jobs& query) {
  auto api = find(query.provider);
  if (!api)
    return api.error();
  auto request = (*api)->listing(query);
  if (!request)
    return request.error();
  auto promise = self->make_response_promise<provider_job_page>();
  auto finish = [promise, api = *api](const http_response& response) mutable {
    if (auto page = api->read_page(response))
      promise.deliver(std::move(*page));
    else
      promise.deliver(page.error());
  };
  if (auto err = begin({"list", *api, std::move(*request), finish}))
    promise.deliver(err);
  return promise;
}

caf::result<provider_job_cancelled>
provider_gateway_state::cancel(const cancel_provider_job& command) {
  auto api = find(command.provider);
  if (!api)
    return api.error();
  if (command.external_id.empty())
    return no_external_id();
  auto promise = self->make_response_promise<provider_job_cancelled>();
  auto finish = [promise, command,
                 api = *api](const http_response& response) mutable {
    if (auto seen = api->read_cancelled(response, command))
      promise.deliver(provider_job_cancelled{command.ctx, std::move(*seen)});
    else
      promise.deliver(seen.error());
  };
  if (auto err = begin({"cancel", *api, (*api)->cancellation(command), finish}))
    promise.deliver(err);
  return promise;
}

void provider_gateway_state::try_again(const tick& due) {
  make_call(due.generation);
}

// -- steps --------------------------------------------------------------------

caf::expected<std::shared_ptr<const provider_api>>
provider_gateway_state::find(const std::string& provider) const {
  const auto i = providers.find(provider);
  if (i == providers.end())
    return make_error(ec::unknown_provider, provider);
  return i->second;
}

submission_outcome
provider_gateway_state::read_submission(const provider_api& api,
                                        const http_response& response,
                                        const std::vector<std::string>& sent) {
  auto result = api.read_submission(response, world.now());
  // A provider may quote the input: secrets stay on the wire.
  result.seen.input.clear();
  result.seen.error_message
    = without_secrets(std::move(result.seen.error_message), sent);
  result.reason = without_secrets(std::move(result.reason), sent);
  return result;
}

caf::error provider_gateway_state::begin(call started) {
  if (calls.size() >= calls_max)
    return make_error(ec::overloaded, "too many provider calls");
  const auto id = ++last_call;
  calls.emplace(id, std::move(started));
  make_call(id);
  return caf::none;
}

void provider_gateway_state::make_call(uint64_t id) {
  auto i = calls.find(id);
  if (i == calls.end())
    return;
  ++i->second.tries;
  send(i->second.operation, i->second.request,
       [this, id](const http_response& response) { settle(id, response); });
}

void provider_gateway_state::settle(uint64_t id,
                                    const http_response& response) {
  auto i = calls.find(id);
  if (i == calls.end())
    return;
  auto& [operation, api, request, finish, tries] = i->second;
  if (is_worth_retrying(response) && tries < tries_max) {
    const auto delay = retry_delay(
      tries, api->retry_after(response, world.now()), world.random());
    log.warning("Attempt {}/{} failed, retrying in {:.2f}s: {}", tries,
                tries_max, static_cast<double>(delay.count()) / 1e9,
                trouble(response));
    self->delayed_send(self, delay, tick{id});
    return;
  }
  if (is_worth_retrying(response))
    log.error("All {} attempts failed: {}", tries_max, trouble(response));
  finish(response);
  calls.erase(i);
}

void provider_gateway_state::send(
  const char* operation, const http_request& request,
  std::function<void(const http_response&)> then) {
  const auto begun = self->clock().now();
  auto done = [this, operation, begun, method = request.method,
               then](const http_response& response) {
    log_call(operation, method, response, self->clock().now() - begun);
    then(response);
  };
  self->ask(client, patience, request, done,
            [done, ctx = request.ctx](const caf::error& err) {
              done(failed_call(ctx, err));
            });
}

caf::result<provider_list> provider_gateway_state::list_providers(const get_providers&) {
  return make_error(ec::overloaded, "not built yet");
}

caf::result<provider_config_found> provider_gateway_state::show_config(const get_provider_config&) {
  return make_error(ec::overloaded, "not built yet");
}

caf::result<provider_validated> provider_gateway_state::validate(const validate_provider&) {
  return make_error(ec::overloaded, "not built yet");
}

caf::result<breaker_list> provider_gateway_state::show_breakers(const get_breakers&) {
  return make_error(ec::overloaded, "not built yet");
}

caf::result<webhook_read> provider_gateway_state::read(const read_webhook&) {
  return make_error(ec::overloaded, "not built yet");
}

caf::result<test_webhook_sent> provider_gateway_state::send_test(const send_test_webhook&) {
  return make_error(ec::overloaded, "not built yet");
}

void provider_gateway_state::reload(const settings_changed&) {
}

provider_gateway_worker::behavior_type
provider_gateway(pointer<provider_gateway_worker, provider_gateway_state> self,
                 provider_gateway_settings settings, http_client_actor client,
                 settings_store_actor stored) {
  self->state = {.self = self,
                 .client = std::move(client),
                 .stored = std::move(stored),
                 .secrets = settings.secrets,
                 .world = settings.world,
                 .patience = settings.outbound.timeout + margin,
                 .providers = make_providers(settings)};
  return {
    [self](const prepare_job& x) { return self->state.prepare(x); },
    [self](const submit_to_provider& x) { return self->state.submit(x); },
    [self](const get_provider_job& x) { return self->state.look_up(x); },
    [self](const list_provider_jobs& x) { return self->state.list(x); },
    [self](const cancel_provider_job& x) { return self->state.cancel(x); },
    [self](const get_providers& x) { return self->state.list_providers(x); },
    [self](const get_provider_config& x) { return self->state.show_config(x); },
    [self](const validate_provider& x) { return self->state.validate(x); },
    [self](const get_breakers& x) { return self->state.show_breakers(x); },
    [self](const read_webhook& x) { return self->state.read(x); },
    [self](const send_test_webhook& x) { return self->state.send_test(x); },
    [self](const settings_changed& x) { self->state.reload(x); },
    [self](const tick& x) { self->state.try_again(x); },
  };
}

caf::timespan provider_call_max(const config::outbound& outbound) {
  caf::timespan result = tries_max * (outbound.timeout + margin);
  for (int tried = 1; tried < tries_max; ++tried)
    result += retry_delay(tried, std::chrono::hours{1}, 2'500);
  return result;
}

} // namespace tunerd
