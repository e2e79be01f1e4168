#pragma once

#include "actors/provider_gateway/hardware_profile.hpp"
#include "actors/support/log.hpp"
#include "config/auth.hpp"
#include "config/providers.hpp"
#include "config/run_time.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tunerd {

/// The settings in force of one provider: those of the file, overlaid by those
/// set over the API (REFERENCE 8). Never changed: new ones replace them.
struct provider_settings {
  /// Without a slash at the end.
  std::string base_url = {};
  secret token = {};
  /// For submissions that name none.
  std::string version = {};
  std::string hardware_profile{default_hardware_profile};
  gpu_rates rates = {};
  /// With a path; empty for none.
  std::string webhook_url = {};
  bool webhook_require_signature = true;
  /// None: every address may send.
  std::optional<std::vector<config::network>> webhook_allowed_ips = {};
  /// How long a job may run that does not say.
  std::chrono::minutes longest_run{30};
  /// The longest that a job may ask for.
  std::chrono::minutes run_limit{30};
  /// Whether `longest_run` was chosen, so that the provider is to enforce it.
  bool limits_run = false;
  /// Whose jobs they are, as JSON text; empty if the account has no such thing.
  std::string org_id = {};
  /// How calls are made, their time-out included.
  config::outbound network = {};
  /// All keys of REFERENCE 8 with their values as a JSON object, secrets
  /// masked.
  std::string shown = "{}";
  /// What was set over the API and cannot be read, for people.
  std::vector<std::string> mistakes = {};
};

/// The part of the settings that does not change while the daemon runs.
struct provider_file {
  std::string base_url = {};
  std::string token = {};
  std::string version = {};
  std::string webhook_url = {};
  std::string org_id = {};
  /// 0 if nobody chose one.
  std::chrono::minutes longest_run{0};
  /// The longest that a job may ask for; 0 if it may not ask for more than
  /// others get.
  std::chrono::minutes run_limit{0};
  config::outbound outbound = {};
  /// Whether `api_base_url` is left alone, since the provider is a simulator.
  bool keeps_base_url = false;
};

provider_file file_of(const config::replicate& section,
                      const config::outbound& outbound,
                      bool keeps_base_url = false);

provider_file file_of(const config::simpletuner_io& section,
                      const config::outbound& outbound);

/// @param stored What was set over the API: key without "provider.NAME." to
/// JSON text.
/// @returns the settings in force. What cannot be read leaves the file's value
/// in force and is a mistake, except where that would let more through: then
/// signatures are required, and of the allowed addresses only the readable
/// ones are.
provider_settings
read_provider_settings(const std::string& name, const provider_file& file,
                       const std::map<std::string, std::string>& stored);

} // namespace tunerd
