#pragma once

#include "messages/plain_context.hpp"

#include <caf/meta/type_name.hpp>
#include <caf/timestamp.hpp>

namespace tunerd {

/// A time of day in UTC. Intervals use `caf::timespan`.
using timestamp = caf::timestamp;

/// @relates context
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, context& x) {
  return f(caf::meta::type_name("context"), x.correlation_id, x.fields);
}

} // namespace tunerd
