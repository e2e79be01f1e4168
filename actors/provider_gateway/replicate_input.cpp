#include "actors/provider_gateway/replicate_input.hpp"

#include "actors/provider_gateway/hardware_profile.hpp"
#include "actors/provider_gateway/json_text.hpp"
#include "actors/provider_gateway/url.hpp"
#include "messages/fingerprint.hpp"

namespace tunerd {

namespace {

using json = nlohmann::json;

constexpr size_t input_bytes_max = 4 * 1024 * 1024;

caf::error invalid(std::string text) {
  return make_error(ec::validation_error, std::move(text));
}

caf::error unknown_profile() {
  return invalid("hardware_profile: want one of " + hardware_profile_names());
}

bool is_version(const std::string& text) {
  constexpr auto allowed
    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
      "0123456789-_./:";
  if (text.size() > 256 || text.find_first_not_of(allowed) != std::string::npos)
    return false;
  const auto slash = text.find('/');
  return !names_model_only(text)
         || (slash > 0 && slash + 1 < text.size() && slash == text.rfind('/'));
}

bool is_configuration(const prepare_job& request) {
  return !request.config.empty() || !request.dataloader_config.empty();
}

const hardware_profile* asked_profile(const prepare_job& request,
                                      const provider_settings& settings) {
  return find_hardware_profile(request.hardware_profile.empty()
                                 ? settings.hardware_profile
                                 : request.hardware_profile);
}

caf::expected<std::string> choose_version(const prepare_job& request,
                                          const provider_settings& settings) {
  const auto& version
    = request.version.empty() ? settings.version : request.version;
  if (!version.empty() && !is_version(version))
    return invalid("version: want owner/model:hash, owner/model or a hash, "
                   "at most 256 characters");
  if (!version.empty())
    return version;
  if (!is_configuration(request))
    return invalid("version: a raw input needs one, and "
                   "tunerd.providers.replicate.version is not set");
  const auto* profile = asked_profile(request, settings);
  if (profile == nullptr)
    return unknown_profile();
  return model_of(*profile);
}

caf::expected<const hardware_profile*>
choose_profile(const prepare_job& request, const provider_settings& settings,
               const std::string& version) {
  const auto* versions = profile_of_model(version);
  const auto& name = request.hardware_profile;
  if (name.empty() && versions != nullptr)
    return versions;
  const auto* profile = asked_profile(request, settings);
  if (profile == nullptr)
    return unknown_profile();
  if (versions != nullptr && versions != profile)
    return invalid("version: " + version.substr(0, version.find(':'))
                   + " does not run on " + name + ", want a version of "
                   + model_of(*profile));
  return profile;
}

/// @returns the value in `text`, small enough and JSON at all.
caf::expected<json> read_part(const char* field, const std::string& text) {
  if (text.size() > input_bytes_max)
    return invalid(std::string{field} + ": over 4 MiB");
  auto value = parse_json(text);
  if (!value)
    return invalid(std::string{field} + ": not JSON, or nested too deeply");
  return std::move(*value);
}

/// A reference inside a text inside JSON could not be resolved without knowing
/// how that text is quoted, and would hide the whole part from the fingerprint.
caf::error check_config_part(const char* field, const json& value,
                             const std::string& text, bool is_right_shape) {
  if (!is_right_shape)
    return invalid(std::string{field} + ": wrong type, found "
                   + value.type_name());
  if (names_secret(text))
    return invalid(std::string{field}
                   + ": ${secret:NAME} works in a raw input only");
  return caf::none;
}

caf::expected<json> trainer_input(const prepare_job& request,
                                  const secret_source& secrets) {
  auto config = read_part("config", request.config);
  if (!config)
    return config.error();
  auto dataloader = read_part("dataloader_config", request.dataloader_config);
  if (!dataloader)
    return dataloader.error();
  const auto config_text = json_text(*config);
  const auto dataloader_text = json_text(*dataloader);
  if (auto err
      = check_config_part("config", *config, config_text, config->is_object()))
    return err;
  if (auto err
      = check_config_part("dataloader_config", *dataloader, dataloader_text,
                          dataloader->is_structured()))
    return err;
  json input{{"config_json", config_text},
             {"dataloader_json", dataloader_text}};
  if (secrets && secrets("HF_TOKEN"))
    input["hf_token"] = "${secret:HF_TOKEN}";
  return input;
}

caf::expected<json> raw_input(const prepare_job& request) {
  auto input = read_part("input", request.input);
  if (input && !input->is_object())
    return invalid("input: want an object");
  return input;
}

/// @returns the body to store.
caf::expected<std::string> make_body(const prepare_job& request,
                                     const secret_source& secrets) {
  const bool is_config = is_configuration(request);
  if (is_config == !request.input.empty())
    return invalid("input: want either it or config and dataloader_config");
  auto input = is_config ? trainer_input(request, secrets) : raw_input(request);
  if (!input)
    return input.error();
  auto body = json_text(*input);
  if (body.size() > input_bytes_max)
    return invalid("input: over 4 MiB");
  if (auto resolved = resolve_secrets(body, secrets); !resolved)
    return resolved.error();
  return body;
}

caf::expected<std::string> choose_webhook(const prepare_job& request,
                                          const provider_settings& settings) {
  const auto& url
    = request.webhook_url.empty() ? settings.webhook_url : request.webhook_url;
  // Only a provider that is itself reached without TLS calls back without.
  const bool plain = settings.base_url.starts_with("http://");
  const bool good
    = url.starts_with("https://") || (plain && url.starts_with("http://"));
  if (!url.empty() && (!good || url.size() > 2048))
    return invalid("webhook_url: want https and at most 2048 characters");
  return with_default_path(url, "/api/webhooks/" + request.provider);
}

} // namespace

bool names_model_only(std::string_view version) {
  return version.find('/') != std::string_view::npos
         && version.find(':') == std::string_view::npos;
}

caf::expected<job_prepared>
prepare_replicate_job(const prepare_job& request,
                      const provider_settings& settings,
                      const secret_source& secrets) {
  auto version = choose_version(request, settings);
  if (!version)
    return version.error();
  auto profile = choose_profile(request, settings, *version);
  if (!profile)
    return profile.error();
  auto body = make_body(request, secrets);
  if (!body)
    return body.error();
  auto webhook = choose_webhook(request, settings);
  if (!webhook)
    return webhook.error();
  auto print = fingerprint(request.provider, *version, *body, *body);
  return job_prepared{request.ctx,
                      {*version, std::move(*body), std::move(print), *webhook},
                      std::string{(*profile)->name},
                      std::string{(*profile)->hardware},
                      rate_of(**profile, settings.rates),
                      settings.longest_run};
}

} // namespace tunerd
