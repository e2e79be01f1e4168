#pragma once

#include "actors/store/connection.hpp"
#include "messages/audit.hpp"

namespace tunerd::sql {

/// The table `audit`: append-only.
class audit_table {
public:
  explicit audit_table(connection& db) : db_(db) {
  }

  /// Stores `x`; its id is ignored. @returns its id.
  int64_t append(const audit_entry& x);

  /// @returns the first `limit` entries under a correlation id that `who` may
  /// see: its own deeds, a lead those in its org, an admin all.
  std::vector<audit_entry>
  trace(const caller& who, const std::string& correlation_id, int64_t limit);

  /// Removes the oldest entries from before `time`, at most `count`.
  void prune(timestamp time, int64_t count);

private:
  connection& db_;
};

} // namespace tunerd::sql
