#pragma once

#include "actors/http_gateway/refusal.hpp"
#include "messages/callers.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tunerd::rest {

/// What a route leads to.
enum class endpoint : uint8_t {
  submit_job,
  list_jobs,
  get_job,
  cancel_job,
  delete_job,
  list_queue,
  queue_stats,
  get_limits,
  set_limits,
  events,
  alive,
  ready,
  health_summary,
  health,
  workers,
};

/// One line of the route table.
struct route {
  std::string_view method;
  /// Segments in braces match anything.
  std::string_view path;
  endpoint to;
  /// The lowest level that may call it.
  caller_level level = caller_level::viewer;
};

/// @returns the route table. Where two templates match, the first one counts.
const std::vector<route>& routes();

/// Where a request goes.
struct matched {
  route found;
  /// Values of the segments in braces.
  std::map<std::string, std::string> parameters = {};
};

/// @returns the route, 404 or 405.
or_refusal<matched> find_route(std::string_view method,
                               const std::vector<std::string>& path);

} // namespace tunerd::rest
