#pragma once

#include "messages/log_level.hpp"

#include <caf/meta/type_name.hpp>

namespace tunerd {

/// INTERNAL to the log sink: lines wait in the buffer.
struct write_log {};

/// Command to the log sink: close the file and open it by name again, because
/// somebody has moved it (logrotate). Sent on SIGHUP.
struct reopen_log {};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, write_log&) {
  return f(caf::meta::type_name("write_log"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, reopen_log&) {
  return f(caf::meta::type_name("reopen_log"));
}

} // namespace tunerd
