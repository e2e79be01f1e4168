#pragma once

#include "actors/store/database.hpp"
#include "actors/support/clocks.hpp"
#include "messages/queue.hpp"

namespace tunerd {

/// What the store and its reader need to know.
struct store_settings {
  /// Opened and migrated; shared by all incarnations of both.
  std::shared_ptr<sql::database> db;
  /// Of the file; in force where none were stored.
  queue_limits limits = {};
  outside world = {};
};

} // namespace tunerd
