#include "actors/provider_gateway/curl_thread.hpp"
#include "actors/provider_gateway/json_text.hpp"
#include "actors/provider_gateway/provider_answers.hpp"
#include "actors/provider_gateway/provider_gateway.hpp"
#include "actors/provider_gateway/retry.hpp"
#include "actors/provider_gateway/url.hpp"

#include <algorithm>

// What people ask about providers, and the settings they make.

namespace tunerd {

namespace {

using namespace std::chrono_literals;

constexpr logger log{"simpletuner.cloud.providers"};

constexpr std::string_view settings_prefix = "provider.";
constexpr caf::timespan store_timeout = 10s;
constexpr caf::timespan margin = 2s;

std::map<std::string, std::string>
without_prefix(const std::map<std::string, std::string>& values,
               const std::string& prefix) {
  std::map<std::string, std::string> result;
  for (const auto& [key, value] : values)
    if (key.starts_with(prefix))
      result.emplace(key.substr(prefix.size()), value);
  return result;
}

provider_budget shown(const char* kind, const rate_budget& budget,
                      circuit_breaker::time_point now) {
  return {kind, budget.per_minute(), budget.left(now),
          budget.throttled_for(now)};
}

caf::error mistake_in(const send_test_webhook& x) {
  const auto wrong
    = [](const char* text) { return make_error(ec::validation_error, text); };
  if (!x.url.starts_with("https://") || origin_of(x.url).empty()
      || x.url.size() > 2048)
    return wrong("webhook_url: want an https URL of at most 2048 characters");
  if (x.timeout < 1s || x.timeout > 60s)
    return wrong("timeout: want 1 to 60");
  if (x.method != "GET" && x.method != "HEAD" && x.method != "POST")
    return wrong("method: want GET, HEAD or POST");
  return caf::none;
}

http_request test_delivery(const send_test_webhook& x, timestamp now) {
  http_request result{x.ctx, x.method, x.url};
  result.timeout = x.timeout;
  result.public_only = true;
  if (x.method != "POST")
    return result;
  result.headers.emplace_back("content-type", "application/json");
  const auto seconds
    = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  result.body = json_text({{"type", "test"},
                           {"provider", x.provider},
                           {"message", "Test delivery from tunerd"},
                           {"timestamp", seconds.count()}});
  return result;
}

test_webhook_sent test_result(const http_response& response,
                              caf::timespan latency) {
  test_webhook_sent result{response.ctx, is_success(response.status), latency,
                           response.status, response.failure};
  if (response.transfer == http_transfer::answered && !result.success)
    result.error = "HTTP " + std::to_string(response.status);
  return result;
}

/// @returns whether calls made for `before` must not be made with `next`.
bool is_elsewhere(const provider_settings& next,
                  const provider_settings& before) {
  return next.base_url != before.base_url || next.org_id != before.org_id
         || next.token.reveal() != before.token.reveal();
}

void keep(caf::typed_response_promise<test_webhook_sent> promise,
          test_webhook_sent result) {
  if (result.error == not_public_failure)
    promise.deliver(
      make_error(ec::validation_error, "webhook_url: " + result.error));
  else
    promise.deliver(std::move(result));
}

} // namespace

// -- questions ----------------------------------------------------------------

provider_list
provider_gateway_state::list_providers(const get_providers& query) const {
  provider_list result{query.ctx};
  const auto now = self->clock().now();
  for (const auto& [provider, x] : providers)
    result.providers.push_back({provider,
                                !x.in_force.token.empty(),
                                x.in_force.base_url,
                                x.in_force.webhook_url,
                                x.in_force.hardware_profile,
                                {shown("create", x.budgets.creates, now),
                                 shown("other", x.budgets.others, now)}});
  return result;
}

caf::result<provider_config_found>
provider_gateway_state::show_config(const get_provider_config& query) {
  auto to = find(query.provider);
  if (!to)
    return to.error();
  return provider_config_found{query.ctx, (*to)->in_force.shown};
}

caf::result<provider_validated>
provider_gateway_state::validate(const validate_provider& query) {
  auto found = find(query.provider);
  if (!found)
    return found.error();
  auto& to = **found;
  if (to.in_force.token.empty())
    return provider_validated{query.ctx, false, {}, "no token is configured"};
  auto promise = self->make_response_promise<provider_validated>();
  auto finish = [promise, query, api = to.api, token = to.in_force.token](
                  const caf::expected<http_response>& response) mutable {
    auto account = response ? api->read_account(*response) : response.error();
    provider_validated result{query.ctx, !!account};
    if (account)
      result.user_info = std::move(*account);
    else
      result.error = without_secrets(render(account.error()), {token.reveal()});
    promise.deliver(std::move(result));
  };
  begin({"validate", &to, to.api->account(query.ctx), finish});
  return promise;
}

breaker_list
provider_gateway_state::show_breakers(const get_breakers& query) const {
  breaker_list result{query.ctx};
  const auto add = [&](const std::string& provider, const named_breaker& x) {
    auto status = x.breaker.status(self->clock().now());
    status.name = x.name;
    status.provider = provider;
    result.breakers.push_back(std::move(status));
  };
  for (const auto& [provider, x] : providers) {
    add(provider, x.guard);
    if (x.needs_pass)
      add(provider, x.sign_in_guard);
  }
  return result;
}

// The breaker of a provider has no say here: it is somebody else's server.
caf::result<test_webhook_sent>
provider_gateway_state::send_test(const send_test_webhook& command) {
  if (auto to = find(command.provider); !to)
    return to.error();
  if (auto err = mistake_in(command))
    return err;
  auto promise = self->make_response_promise<test_webhook_sent>();
  const auto begun = self->clock().now();
  const auto request = test_delivery(command, settings.world.now());
  self->ask(
    client, request.timeout + margin, request,
    [this, promise, begun](const http_response& x) {
      keep(promise, test_result(x, self->clock().now() - begun));
    },
    [promise, ctx = command.ctx](const caf::error& err) {
      keep(promise, test_webhook_sent{ctx, false, {}, 0, render(err)});
    });
  return promise;
}

// -- settings -----------------------------------------------------------------

void provider_gateway_state::reload(const settings_changed& hint) {
  const std::string_view changed = hint.prefix;
  if (changed.starts_with(settings_prefix)
      || settings_prefix.starts_with(changed))
    read_settings(hint.ctx);
}

void provider_gateway_state::read_settings(const context& ctx) {
  if (!stored)
    return;
  const auto asked = ++settings_asked;
  self->ask(
    stored, store_timeout, get_settings{ctx, std::string{settings_prefix}},
    [this, asked](const settings_found& x) { take_settings(asked, x); },
    [this, asked](const caf::error& err) { miss_settings(asked, err); });
}

void provider_gateway_state::take_settings(uint64_t asked,
                                           const settings_found& found) {
  if (asked != settings_asked)
    return; // They changed since; that answer is on its way.
  settings_failures = 0;
  for (auto& [provider, to] : providers)
    apply(to, without_prefix(found.values,
                             std::string{settings_prefix} + provider + "."));
}

void provider_gateway_state::miss_settings(uint64_t asked,
                                           const caf::error& err) {
  if (asked != settings_asked || settings_retry_pending)
    return;
  const auto delay = retry_delay(++settings_failures, {}, 0);
  log.warning("Reading provider settings failed, retrying in {:.2f}s: {}",
              static_cast<double>(delay.count()) / 1e9, render(err));
  settings_retry_pending = true;
  self->delayed_send(self, delay, tick{0});
}

void provider_gateway_state::apply(
  provider_account& to, const std::map<std::string, std::string>& values) {
  if (to.api && values == to.stored)
    return;
  if (to.api)
    log.info("Provider settings of {} changed", to.name);
  auto next = read_provider_settings(to.name, to.file, values);
  for (const auto& mistake : next.mistakes)
    log.warning("Provider setting not used: {}", mistake);
  if (next.base_url != to.in_force.base_url)
    to.webhook_key.good_until = {}; // Another host, another key.
  if (is_elsewhere(next, to.in_force)) {
    ++to.era;
    for (auto& [model, newest] : to.versions)
      newest.version.clear(); // They were another host's or account's.
  }
  settings.network.set(next.network);
  to.pass.good_until = {}; // It may be another account's.
  to.pass.refusal.reset();
  to.stored = values;
  to.in_force = next;
  to.api = to.make(std::move(next));
  to.needs_pass = to.api->sign_in({}).has_value();
}

} // namespace tunerd
