#pragma once

#include "messages/callers.hpp"
#include "messages/context.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tunerd {

namespace config {
struct auth;
} // namespace config

/// Command: serve events on a connected socket. Never leaves the process. The
/// receiver owns `descriptor` from then on and closes it in every case.
struct open_stream {
  context ctx;
  int descriptor = -1;
  caller who;
  /// Who counts against the limit per client: the user, else the address.
  std::string client;
  /// Only events of these types; empty means all.
  std::vector<std::string> types = {};
  /// Only events of this job; empty means all.
  std::string job_id = {};
  /// As received; empty means live only.
  std::string last_event_id = {};
  /// Bytes to write first when the stream is accepted: the HTTP head.
  std::string accepted = {};
  /// The whole response when a connection limit is reached.
  std::string refused = {};
  /// The rules that let the caller in; none: those when it is opened.
  std::shared_ptr<const config::auth> let_in_by = nullptr;
};

// Without the rules: they are of this process.
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, open_stream& x) {
  return f(caf::meta::type_name("open_stream"), x.ctx, x.descriptor, x.who,
           x.client, x.types, x.job_id, x.last_event_id, x.accepted, x.refused);
}

} // namespace tunerd
