#pragma once

#include "config/http.hpp"
#include "config/logging.hpp"
#include "config/polling.hpp"
#include "config/providers.hpp"
#include "config/queue.hpp"
#include "config/sse.hpp"
#include "config/storage.hpp"

namespace tunerd::config {

/// Every setting of the daemon, validated.
struct settings {
  http http_section = {};
  logging logging_section = {};
  polling polling_section = {};
  queue queue_section = {};
  replicate replicate_section = {};
  outbound outbound_section = {};
  sse sse_section = {};
  storage storage_section = {};
};

} // namespace tunerd::config
