#pragma once

#include "actors/store/connection.hpp"
#include "messages/limits.hpp"

namespace tunerd::sql {

/// The limits in the table `settings`. Only what was set over the API is
/// stored; the rest follows the file.
class limit_table {
public:
  explicit limit_table(connection& db) : db_(db) {
  }

  /// @returns the limits in force. @param from_file For what is not stored.
  queue_limits load(const queue_limits& from_file);

  /// Stores what `change` sets.
  void store(const set_limits& change);

  /// @returns what `change` sets, for people: "queue.max_concurrent=5, ...".
  static std::string summary(const set_limits& change);

private:
  connection& db_;
};

} // namespace tunerd::sql
