#pragma once

#include "config/approvals.hpp"
#include "config/auth.hpp"
#include "config/cluster.hpp"
#include "config/http.hpp"
#include "config/logging.hpp"
#include "config/polling.hpp"
#include "config/providers.hpp"
#include "config/queue.hpp"
#include "config/reader.hpp"
#include "config/retention.hpp"
#include "config/sse.hpp"
#include "config/storage.hpp"

namespace tunerd::config {

/// Every setting of the daemon, validated.
struct settings {
  approvals approvals_section = {};
  auth auth_section = {};
  cluster cluster_section = {};
  http http_section = {};
  logging logging_section = {};
  polling polling_section = {};
  queue queue_section = {};
  replicate replicate_section = {};
  simpletuner_io simpletuner_io_section = {};
  outbound outbound_section = {};
  retention retention_section = {};
  sse sse_section = {};
  storage storage_section = {};
};

/// Settings with everything that is known about where they come from.
struct loaded {
  settings values = {};
  /// Every setting in force, with its origin; secrets masked.
  std::vector<setting> effective = {};
  /// What a person should know, e.g. unknown keys.
  std::vector<std::string> warnings = {};
};

/// Reads and checks all sections. Blocks on nothing, starts nothing.
/// @throws error naming the first mistake.
loaded load(sources from);

/// Looks for the configuration file in the documented order.
/// @param env The environment.
/// @param exists Tells whether there is a readable file of that name.
/// @returns its path, or "" if there is none.
/// @throws error if SIMPLETUNER_ENTERPRISE_CONFIG names a missing file.
std::string find_file(const environment& env,
                      const std::function<bool(const std::string&)>& exists);

/// Looks secrets up: the environment, then `secrets.json`, `.yaml` or `.yml`
/// in the state directory. A file that others can read is not used.
class secrets {
public:
  /// Reads the files. @throws error if one is not a map of texts.
  secrets(environment env, const std::string& state_dir);

  /// @returns the secret of that name, or none. Any thread.
  std::optional<std::string> find(const std::string& name) const;

  /// What a person should know, e.g. a file with open permissions.
  std::vector<std::string> warnings = {};

private:
  environment env_;
  std::map<std::string, std::string> values_;
};

} // namespace tunerd::config
