#include "actors/provider_gateway/provider_gateway.hpp"
#include "actors/provider_gateway/webhook_signature.hpp"

// Who may deliver, and what a delivery says (REFERENCE 5): address, signature,
// body, in this order.

namespace tunerd {

namespace {

using namespace std::chrono_literals;

constexpr logger log{"simpletuner.cloud.webhooks"};

/// How long a fetched key is used.
constexpr auto key_kept = 300s;

/// How long a provider that did not tell its key is not asked again: anybody
/// may send something that looks signed.
constexpr auto key_pause = 10s;

using key_or_error = caf::expected<std::string>;

caf::error unsigned_because(std::string text) {
  return make_error(ec::invalid_signature, std::move(text));
}

caf::error no_key(const std::string& text) {
  return make_error(ec::provider_unavailable, "webhook secret: " + text);
}

} // namespace

caf::result<webhook_read>
provider_gateway_state::read(const read_webhook& query) {
  settings.counts->webhooks_received.add();
  auto found = find(query.provider);
  if (!found)
    return refuse(query, found.error());
  auto& to = **found;
  if (const auto& networks = to.in_force.webhook_allowed_ips;
      networks && !config::contains(*networks, query.address))
    return refuse(query, make_error(ec::ip_not_allowed, query.address));
  const auto mistake = signature_mistake(query.headers, settings.world.now(),
                                         settings.webhook_tolerance);
  auto key = mistake.empty() ? known_key(to) : unsigned_because(mistake);
  if (key && !*key)
    return await_key(to, query);
  auto answer = check(to, query, key ? key_or_error{**key} : key.error());
  if (!answer)
    return refuse(query, answer.error());
  return std::move(*answer);
}

caf::expected<std::optional<std::string>>
provider_gateway_state::known_key(const provider_account& to) const {
  using result = std::optional<std::string>;
  const auto& source = settings.secrets;
  if (const auto secret
      = source ? source("CLOUD_WEBHOOK_SECRET") : std::nullopt;
      secret && !secret->empty()) {
    auto key = webhook_key(*secret);
    if (!key)
      return no_key("CLOUD_WEBHOOK_SECRET is not base64");
    return result{std::move(key)};
  }
  const bool is_recent = self->clock().now() < to.webhook_key.good_until;
  if (is_recent && !to.webhook_key.key)
    return no_key("the provider did not tell it");
  if (is_recent)
    return result{to.webhook_key.key};
  if (to.webhook_key.waiting.size() >= fetched_key::waiting_max)
    return no_key("too many deliveries wait for it");
  return result{};
}

caf::result<webhook_read>
provider_gateway_state::await_key(provider_account& to,
                                  const read_webhook& query) {
  auto request = to.api->webhook_secret(query.ctx);
  if (!request)
    return refuse(query, no_key("the provider has none"));
  auto promise = self->make_response_promise<webhook_read>();
  to.webhook_key.waiting.push_back({query, promise});
  if (to.webhook_key.waiting.size() == 1)
    begin({"webhook_secret", &to, std::move(*request),
           [this, &to](const auto& response) { take_key(to, response); }});
  return promise;
}

void provider_gateway_state::take_key(
  provider_account& to, const caf::expected<http_response>& response) {
  auto secret
    = response ? to.api->read_webhook_secret(*response) : response.error();
  auto& x = to.webhook_key;
  x.key = secret ? webhook_key(*secret) : std::nullopt;
  x.good_until = self->clock().now() + (x.key ? key_kept : key_pause);
  if (!x.key)
    log.warning("The webhook secret of {} cannot be had: {}", to.name,
                secret ? std::string{"not base64"} : render(secret.error()));
  caf::expected<std::string> key = x.key
                                     ? caf::expected<std::string>{*x.key}
                                     : no_key("the provider did not tell it");
  for (auto& [query, promise] : std::exchange(x.waiting, {})) {
    log_context scope{query.ctx};
    if (auto answer = check(to, query, key))
      promise.deliver(std::move(*answer));
    else
      promise.deliver(refuse(query, answer.error()));
  }
}

caf::expected<webhook_read>
provider_gateway_state::check(const provider_account& to,
                              const read_webhook& query,
                              const caf::expected<std::string>& key) {
  caf::error doubt;
  if (!key)
    doubt = key.error();
  else if (!is_signed_by(*key, query.headers, query.body))
    doubt = unsigned_because("no signature is that of the body");
  if (doubt && to.in_force.webhook_require_signature)
    return doubt;
  auto result = to.api->read_delivery(query);
  if (!result)
    return result;
  if (doubt) {
    // Nothing of it is to be believed but that somebody speaks of this job.
    webhook_read hint{query.ctx, {}};
    hint.seen.external_id = std::move(result->seen.external_id);
    return hint;
  }
  result->is_signed = true;
  result->delivery_id = header(query.headers, "webhook-id");
  return result;
}

caf::error provider_gateway_state::refuse(const read_webhook& query,
                                          caf::error err) {
  if (!is_transient(err))
    settings.counts->webhooks_refused.add();
  log.warning("Webhook from {} refused: {}", query.address, render(err));
  return err;
}

} // namespace tunerd
