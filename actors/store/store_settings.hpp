#pragma once

#include "actors/store/database.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/live.hpp"
#include "config/approvals.hpp"
#include "config/retention.hpp"
#include "messages/limits.hpp"

namespace tunerd {

/// What the store and its reader need to know.
struct store_settings {
  /// Opened and migrated; shared by all incarnations of both.
  std::shared_ptr<sql::database> db;
  /// Of the file; in force where none were stored.
  live<queue_limits> limits = {};
  outside world = {};
  live<config::approvals> approvals = {};
  config::retention retention = {};
};

} // namespace tunerd
