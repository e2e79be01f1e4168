#pragma once

#include "actors/store/database.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/live.hpp"
#include "config/approvals.hpp"
#include "config/retention.hpp"
#include "messages/limits.hpp"

#include <functional>
#include <optional>
#include <string>

namespace tunerd {

/// Whose commands alone may be carried out.
struct store_fence {
  /// Who must have the lease, and at which epoch.
  std::string holder;
  int64_t epoch = 0;
  /// Called when it is not so. Must not throw or wait.
  std::function<void()> on_refused = [] {};
};

/// What the store and its reader need to know.
struct store_settings {
  /// Opened and migrated; shared by all incarnations of both.
  std::shared_ptr<sql::database> db;
  /// Of the file; in force where none were stored.
  live<queue_limits> limits = {};
  outside world = {};
  live<config::approvals> approvals = {};
  config::retention retention = {};
  /// None: everybody may.
  std::optional<store_fence> fence = {};
};

} // namespace tunerd
