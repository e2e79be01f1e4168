#pragma once

#include "actors/http_gateway/http_statistics.hpp"
#include "actors/http_gateway/survey.hpp"
#include "actors/support/log_core.hpp"
#include "actors/support/metrics.hpp"

#include <string>
#include <vector>

namespace tunerd {

/// Everything that a metrics page shows.
struct metrics_view {
  caf::timespan uptime = caf::timespan{0};
  const survey& seen;
  const metrics& counts;
  const std::vector<http_statistics::line>& http;
  log_counters log = {};
  /// Tells which day it is.
  timestamp now = {};
  /// Whether what everybody costs may be read.
  bool has_totals = true;
};

/// @returns the page of `/metrics` (REFERENCE 3). Metrics whose source did not
/// answer are left out. Pure.
std::string metrics_page(const metrics_view& x);

} // namespace tunerd
