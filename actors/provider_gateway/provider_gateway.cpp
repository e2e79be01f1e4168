#include "actors/provider_gateway/provider_gateway.hpp"

#include "actors/provider_gateway/replicate.hpp"
#include "actors/provider_gateway/simpletuner_io.hpp"

#include <algorithm>

namespace tunerd {

namespace {

/// @param limits Its section, which says how many calls it takes.
template <class Api>
provider_account account_of(const char* name, provider_file file,
                            const auto& limits, const char* breaker,
                            const secret_source& secrets) {
  provider_account result;
  result.name = name;
  result.file = std::move(file);
  result.make = [secrets](provider_settings settings) {
    return std::make_shared<Api>(std::move(settings), secrets);
  };
  result.budgets = {
    rate_budget{limits.creates_per_minute},
    rate_budget{limits.requests_per_minute, call_budgets::queries_pause_max}};
  result.guard.name = std::string{breaker} + "-api";
  result.sign_in_guard.name = std::string{breaker} + "-auth";
  return result;
}

/// One line per provider.
std::map<std::string, provider_account>
make_providers(const provider_gateway_settings& x) {
  std::map<std::string, provider_account> result;
  const auto add = [&result](provider_account account) {
    auto name = account.name;
    result.emplace(std::move(name), std::move(account));
  };
  add(account_of<replicate>("replicate",
                            file_of(x.replicate, x.outbound, x.keeps_base_url),
                            x.replicate, "replicate", x.secrets));
  if (!x.simpletuner_io.refresh_token.empty())
    add(account_of<simpletuner_io>(
      "simpletuner_io", file_of(x.simpletuner_io, x.outbound), x.simpletuner_io,
      "simpletuner-io", x.secrets));
  return result;
}

submission_outcome refused(const context& ctx, const caf::error& err) {
  return {
    .ctx = ctx, .result = submission_result::refused, .reason = render(err)};
}

/// Nothing was sent.
submission_outcome held_back(const context& ctx, const caf::error& err,
                             caf::timespan retry_after) {
  return {.ctx = ctx,
          .result = submission_result::not_accepted,
          .reason = render(err),
          .retry_after = retry_after};
}

caf::error no_external_id() {
  return make_error(ec::no_such_provider_job, "no external id");
}

/// @returns what keeps `promise` with what `read` makes of a response.
template <class Answer, class Read>
provider_gateway_state::finish_call
answer_to(caf::typed_response_promise<Answer> promise, Read read) {
  return [promise, read](const caf::expected<http_response>& response) mutable {
    if (!response)
      promise.deliver(response.error());
    else if (caf::expected<Answer> answer = read(*response))
      promise.deliver(std::move(*answer));
    else
      promise.deliver(answer.error());
  };
}

} // namespace

// -- handlers -----------------------------------------------------------------

caf::result<job_prepared>
provider_gateway_state::prepare(const prepare_job& request) {
  auto to = find(request.provider);
  if (!to)
    return to.error();
  const auto& api = (*to)->api;
  auto prepared = api->prepare(request);
  if (!prepared)
    return prepared.error();
  if (auto question = api->versions(request.ctx, prepared->input))
    return prepare_newest(**to, request, prepared->input.version,
                          std::move(*question));
  return std::move(*prepared);
}

caf::result<submission_outcome>
provider_gateway_state::submit(const submit_to_provider& command) {
  auto found = find(command.provider);
  if (!found)
    return refused(command.ctx, found.error());
  auto& to = **found;
  auto resolved = resolve_secrets(command.input.body, settings.secrets);
  if (!resolved)
    return refused(command.ctx, resolved.error());
  auto promise = self->make_response_promise<submission_outcome>();
  auto finish = [this, promise, &to, ctx = command.ctx, api = to.api,
                 sent = resolved->secrets](
                  const caf::expected<http_response>& response) mutable {
    if (!response) {
      promise.deliver(held_back(ctx, response.error(), pause_of(to)));
      return;
    }
    auto outcome = read_submission(*api, *response, sent);
    if (response->status == 429) // It need not say for how long.
      outcome.retry_after = std::max(outcome.retry_after, pause_of(to));
    promise.deliver(std::move(outcome));
  };
  begin({"submit", &to, to.api->submission(command, resolved->body), finish,
         call_kind::create});
  return promise;
}

caf::result<provider_job_found>
provider_gateway_state::look_up(const get_provider_job& query) {
  auto to = find(query.provider);
  if (!to)
    return to.error();
  if (query.external_id.empty())
    return no_external_id();
  auto promise = self->make_response_promise<provider_job_found>();
  const auto begun = self->clock().now();
  auto finish = [this, promise, query, to = *to, api = (*to)->api,
                 begun](const caf::expected<http_response>& response) mutable {
    auto seen = response ? api->read_job(*response, query) : response.error();
    if (seen)
      add_logs(promise, query, *to, begun, std::move(*seen));
    else
      promise.deliver(seen.error());
  };
  begin({"look_up", *to, (*to)->api->look_up(query), finish});
  return promise;
}

caf::result<provider_job_page>
provider_gateway_state::list(const list_provider_jobs& query) {
  auto to = find(query.provider);
  if (!to)
    return to.error();
  const auto& api = (*to)->api;
  auto request = api->listing(query);
  if (!request)
    return request.error();
  auto promise = self->make_response_promise<provider_job_page>();
  auto read = [api, query](const http_response& response) {
    return api->read_page(response, query);
  };
  begin({"list", *to, std::move(*request), answer_to(promise, read)});
  return promise;
}

caf::result<provider_job_cancelled>
provider_gateway_state::cancel(const cancel_provider_job& command) {
  auto to = find(command.provider);
  if (!to)
    return to.error();
  if (command.external_id.empty())
    return no_external_id();
  const auto& api = (*to)->api;
  auto promise = self->make_response_promise<provider_job_cancelled>();
  auto read =
    [command, api](
      const http_response& response) -> caf::expected<provider_job_cancelled> {
    if (auto seen = api->read_cancelled(response, command))
      return provider_job_cancelled{command.ctx, std::move(*seen)};
    else
      return seen.error();
  };
  begin({"cancel", *to, api->cancellation(command), answer_to(promise, read)});
  return promise;
}

void provider_gateway_state::try_again(const tick& due) {
  if (due.generation > 0)
    return make_call(due.generation);
  settings_retry_pending = false;
  read_settings({new_correlation_id(settings.world.random), {}});
}

provider_gateway_worker::behavior_type
provider_gateway(pointer<provider_gateway_worker, provider_gateway_state> self,
                 provider_gateway_settings settings, http_client_actor client,
                 settings_store_actor stored) {
  auto& state = self->state;
  state = {.self = self,
           .client = std::move(client),
           .stored = std::move(stored),
           .settings = std::move(settings)};
  state.providers = make_providers(state.settings);
  for (auto& [name, account] : state.providers)
    state.apply(account, {});
  state.read_settings({new_correlation_id(state.settings.world.random), {}});
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

} // namespace tunerd
