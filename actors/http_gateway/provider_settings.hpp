#pragma once

#include "actors/http_gateway/refusal.hpp"

#include <nlohmann/json_fwd.hpp>

#include <caf/optional.hpp>

#include <map>
#include <string>
#include <vector>

// What may be set of a provider over the API (REFERENCE 8, provider_config).
// Pure.

namespace tunerd::rest {

/// What PUT /api/cloud/providers/{provider}/config wants.
struct provider_settings {
  std::string provider;
  /// Key to its new value as JSON text; none: unset it.
  std::map<std::string, caf::optional<std::string>> values = {};
  std::vector<std::string> warnings = {};
};

/// @returns the settings in `body`; 400 names the first that is wrong, or that
/// is a secret, which is never stored.
or_refusal<provider_settings>
parse_provider_settings(const std::string& provider, const std::string& body);

/// @returns the prefix of a provider's keys among the stored settings.
std::string settings_prefix(const std::string& provider);

/// @returns the object in `config` with the values of `wanted` in it, secrets
/// replaced by "***".
nlohmann::ordered_json shown_config(const std::string& config,
                                    const provider_settings& wanted);

/// @returns `url` without user, password and query, which may be secrets.
std::string shown_url(const std::string& url);

} // namespace tunerd::rest
