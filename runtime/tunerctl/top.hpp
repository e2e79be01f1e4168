#pragma once

#include "runtime/tunerctl/session.hpp"
#include "runtime/tunerctl/table.hpp"

#include <chrono>
#include <deque>
#include <string>
#include <vector>

namespace tunerd::tunerctl {

/// Shows workers, queue, providers and the last events, anew every second until
/// interrupted; where calls are limited, all but health and events as often as
/// half of the rate allows. Prints it once if `once`, as JSON, or without a
/// terminal.
void top(const session& s, bool once);

/// @returns how long to wait before all is asked for again: longer the less
/// the rate allows, and until there is more of it if little is left.
std::chrono::seconds rest_between_looks(const rate_seen& rate);

/// What `top` shows.
struct top_view {
  std::string url = {};
  /// Answers by what was asked: "health", "workers", "stats", "providers",
  /// "breakers"; one that failed is {"failure": text}.
  nlohmann::json seen = {};
  /// The oldest first, a line each.
  std::deque<std::string> events = {};
  /// Lines that fit; 0 for all.
  size_t rows = 0;
  bool colour = false;
};

/// @returns the view as lines; the newest events that have room come last.
std::string render_top(const top_view& x);

const std::vector<column>& worker_columns();
const std::vector<column>& provider_columns();

/// @returns the rows of the list of providers, each with the states of its
/// breakers and with what is left of its budgets.
nlohmann::json with_breakers(const nlohmann::json& providers,
                             const nlohmann::json& breakers);

} // namespace tunerd::tunerctl
