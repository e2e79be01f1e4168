#pragma once

#include "messages/callers.hpp"
#include "messages/context.hpp"

#include <caf/meta/type_name.hpp>
#include <caf/optional.hpp>

#include <map>
#include <string>

// What is set over the API, outlives restarts and wins over the file. Keys are
// dotted, values are JSON texts:
//   cloud_job_polling_enabled        true, false
//   provider.NAME.KEY                keys of REFERENCE 8, e.g.
//                                    provider.replicate.webhook_url
//   queue.*                          the limits; set by `set_limits` only

namespace tunerd {

/// Query: the settings whose keys begin with `prefix`.
struct get_settings {
  context ctx;
  std::string prefix;
};

/// Command, admins only: set or (none) unset some. All or nothing.
struct put_settings {
  context ctx;
  caller who;
  /// At most 64, of 16 KiB each.
  std::map<std::string, caf::optional<std::string>> values;
};

/// Answer to both: what is stored now; after `put_settings` under its keys.
struct settings_found {
  context ctx;
  std::map<std::string, std::string> values = {};
};

/// Hint: settings whose keys begin with `prefix` changed. Whoever uses them
/// reads them again.
struct settings_changed {
  context ctx;
  std::string prefix;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_settings& x) {
  return f(caf::meta::type_name("get_settings"), x.ctx, x.prefix);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, put_settings& x) {
  return f(caf::meta::type_name("put_settings"), x.ctx, x.who, x.values);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, settings_found& x) {
  return f(caf::meta::type_name("settings_found"), x.ctx, x.values);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, settings_changed& x) {
  return f(caf::meta::type_name("settings_changed"), x.ctx, x.prefix);
}

} // namespace tunerd
