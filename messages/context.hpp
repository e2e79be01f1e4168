#pragma once

#include <caf/meta/type_name.hpp>
#include <caf/timestamp.hpp>

#include <map>
#include <string>

namespace tunerd {

/// A time of day in UTC. Intervals use `caf::timespan`.
using timestamp = caf::timestamp;

/// Identifies the work a message belongs to. Every message carries one, except
/// hints and self-messages, which do no one's work.
struct context {
  /// Chosen where the work enters the daemon and copied, never regenerated,
  /// by every actor on the way. 1-128 of `A-Z a-z 0-9 . _ : -`.
  std::string correlation_id;

  /// What a log reader filters by, e.g. {"job_id", "42"}. Holds no secrets.
  std::map<std::string, std::string> fields = {};
};

/// @relates context
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, context& x) {
  return f(caf::meta::type_name("context"), x.correlation_id, x.fields);
}

} // namespace tunerd
