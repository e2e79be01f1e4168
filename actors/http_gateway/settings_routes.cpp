#include "actors/http_gateway/http_gateway.hpp"
#include "actors/http_gateway/reader.hpp"

#include <nlohmann/json.hpp>

#include <caf/send.hpp>

// Polling, providers and cost limits: what is shown of them and set.

namespace tunerd {

using nlohmann::ordered_json;

namespace {

constexpr logger log{"simpletuner.cloud.polling"};

constexpr const char* polling_key = "cloud_job_polling_enabled";

/// @returns what people chose: "true", "false" or "null".
std::string preference_in(const settings_found& stored) {
  const auto i = stored.values.find(polling_key);
  return i != stored.values.end()
             && (i->second == "true" || i->second == "false")
           ? i->second
           : "null";
}

ordered_json budgets_json(const std::vector<provider_budget>& budgets) {
  auto out = ordered_json::array();
  for (const auto& x : budgets)
    out.push_back({{"kind", x.kind},
                   {"per_minute", x.per_minute},
                   {"left", x.left},
                   {"throttled_seconds",
                    std::chrono::duration<double>{x.throttled_for}.count()}});
  return out;
}

ordered_json provider_json(const provider_summary& x) {
  const auto text = [](const std::string& y) {
    return y.empty() ? ordered_json{} : ordered_json(y);
  };
  return {{"name", x.name},
          {"is_configured", x.is_configured},
          {"base_url", text(rest::shown_url(x.base_url))},
          {"webhook_url", text(rest::shown_url(x.webhook_url))},
          {"default_hardware_profile", text(x.default_hardware_profile)},
          {"budgets", budgets_json(x.budgets)}};
}

ordered_json cost_limit_json(const cost_limit_status& x) {
  const auto usd
    = [](int64_t micros) { return usd_json(caf::optional<int64_t>{micros}); };
  ordered_json out = {{"enabled", x.enabled},
                      {"limit_amount", ordered_json{}},
                      {"period", x.period},
                      {"action", x.action},
                      {"current_spend", usd(x.spent_micros)},
                      {"percent_used", ordered_json{}},
                      {"is_exceeded", x.is_exceeded},
                      {"is_warning", x.is_warning},
                      {"message", ordered_json{}}};
  if (x.enabled)
    out["limit_amount"] = usd(x.limit_micros);
  if (const auto percent = percent_used(x))
    out["percent_used"] = *percent;
  if (!x.message.empty())
    out["message"] = x.message;
  return out;
}

/// Adds what the request said without effect.
void add_notes(ordered_json& body, const std::vector<std::string>& notes) {
  if (!notes.empty())
    body["warnings"] = notes;
}

} // namespace

// -- polling ------------------------------------------------------------------

void http_gateway_state::show_polling(const call& x) {
  self->ask(
    store, settings.store_timeout, get_settings{x->ctx, polling_key},
    [this, x](const settings_found& stored) {
      self->ask(
        poller, settings.health_timeout, get_polling_status{x->ctx},
        [this, x, chosen = preference_in(stored)](const polling_status& now) {
          using std::chrono::duration_cast;
          answer(x,
                 {{"is_active", now.is_active},
                  {"preference", ordered_json::parse(chosen)},
                  {"interval_seconds",
                   duration_cast<std::chrono::seconds>(now.interval).count()},
                  {"source", now.source}});
        },
        refusing(x));
    },
    refusing(x));
}

void http_gateway_state::change_polling(const call& x,
                                        const std::string& body) {
  auto parsed = rest::parse_object(body);
  if (auto* bad = std::get_if<rest::refusal>(&parsed))
    return refuse(x, *bad);
  rest::body_reader in{std::get<nlohmann::json>(parsed)};
  caf::optional<bool> enabled;
  in.boolean("enabled", enabled);
  if (!in.has("enabled"))
    in.fail("enabled", "want true, false or null");
  if (in.mistake())
    return refuse(x, *in.mistake());
  caf::optional<std::string> value;
  if (enabled)
    value = *enabled ? "true" : "false";
  self->ask(
    store, settings.store_timeout,
    put_settings{x->ctx, x->who, {{polling_key, value}}},
    [this, x, chosen = value.value_or("null"), notes = in.warnings()](
      const settings_found&) { refresh_poller(x, chosen, notes); },
    refusing(x));
}

void http_gateway_state::refresh_poller(const call& x,
                                        const std::string& preference,
                                        const std::vector<std::string>& notes) {
  self->ask(
    poller, settings.store_timeout, refresh_polling{x->ctx},
    [this, x, preference, notes](const polling_status& now) {
      log.info("Updated polling setting: {} (active: {})", preference,
               now.is_active);
      ordered_json reply = {{"success", true},
                            {"enabled", ordered_json::parse(preference)},
                            {"is_active", now.is_active}};
      add_notes(reply, notes);
      answer(x, reply);
    },
    refusing(x));
}

// -- providers ----------------------------------------------------------------

void http_gateway_state::show_providers(const call& x) {
  self->ask(
    providers, settings.prepare_timeout, get_providers{x->ctx},
    [this, x](const provider_list& found) {
      auto list = ordered_json::array();
      for (const auto& provider : found.providers)
        list.push_back(provider_json(provider));
      answer(x, {{"providers", std::move(list)}});
    },
    refusing(x));
}

void http_gateway_state::validate_credential(const call& x) {
  self->ask(
    providers, settings.outbound_timeout,
    validate_provider{x->ctx, x->parameters.at("provider")},
    [this, x](const provider_validated& y) {
      auto user = ordered_json::parse(y.user_info, nullptr, false);
      answer(x, {{"valid", y.valid},
                 {"user_info", user.is_object() ? user : ordered_json{}},
                 {"error",
                  y.error.empty() ? ordered_json{} : ordered_json(y.error)}});
    },
    refusing_named(x));
}

void http_gateway_state::show_provider_config(const call& x) {
  self->ask(
    providers, settings.prepare_timeout,
    get_provider_config{x->ctx, x->parameters.at("provider")},
    [this, x](const provider_config_found& found) {
      answer(x, {{"provider", x->parameters.at("provider")},
                 {"config", rest::shown_config(found.config, {})}});
    },
    refusing_named(x));
}

void http_gateway_state::change_provider_config(const call& x,
                                                const std::string& body) {
  auto parsed
    = rest::parse_provider_settings(x->parameters.at("provider"), body);
  if (auto* bad = std::get_if<rest::refusal>(&parsed))
    return refuse(x, *bad);
  const auto wanted = std::make_shared<const rest::provider_settings>(
    std::move(std::get<rest::provider_settings>(parsed)));
  // Asked first, so that nothing is stored for a provider that is none.
  self->ask(
    providers, settings.prepare_timeout,
    get_provider_config{x->ctx, wanted->provider},
    [this, x, wanted](const provider_config_found& found) {
      store_provider_config(x, wanted, found.config);
    },
    refusing_named(x));
}

void http_gateway_state::store_provider_config(const call& x,
                                               const wanted_settings& wanted,
                                               const std::string& config) {
  if (wanted->values.empty())
    return announce_provider_config(x, wanted, config);
  put_settings command{x->ctx, x->who, {}};
  for (const auto& [key, value] : wanted->values)
    command.values.emplace(rest::settings_prefix(wanted->provider) + key,
                           value);
  self->ask(
    store, settings.store_timeout, command,
    [this, x, wanted, config](const settings_found&) {
      announce_provider_config(x, wanted, config);
    },
    refusing(x));
}

void http_gateway_state::announce_provider_config(const call& x,
                                                  const wanted_settings& wanted,
                                                  const std::string& config) {
  self->send(providers,
             settings_changed{x->ctx, rest::settings_prefix(wanted->provider)});
  // A webhook URL decides whether a provider is polled. If the poller is away
  // it reads the settings when it is back.
  self->ask(
    poller, settings.store_timeout, refresh_polling{x->ctx},
    [](const polling_status&) {}, [](const caf::error&) {});
  ordered_json reply = {{"provider", wanted->provider},
                        {"config", rest::shown_config(config, *wanted)}};
  add_notes(reply, wanted->warnings);
  answer(x, reply);
}

// -- costs --------------------------------------------------------------------

void http_gateway_state::show_cost_limit(const call& x) {
  rest::query_reader in{x->query_parameters};
  auto provider = settings.default_provider;
  in.text("provider", provider, 64);
  if (in.mistake())
    return refuse(x, *in.mistake());
  self->ask(
    store, settings.store_timeout, get_cost_limit{x->ctx, provider},
    [this, x, notes = in.warnings()](const cost_limit_status& found) {
      auto reply = cost_limit_json(found);
      add_notes(reply, notes);
      answer(x, reply);
    },
    refusing_named(x));
}

} // namespace tunerd
