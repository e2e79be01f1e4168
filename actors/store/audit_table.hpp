#pragma once

#include "actors/store/sqlite.hpp"
#include "messages/audit.hpp"

namespace tunerd::sql {

/// The table `audit`: append-only.
class audit_table {
public:
  explicit audit_table(connection& db) : db_(db) {
  }

  /// Stores `x`; its id is ignored. @returns its id.
  int64_t append(const audit_entry& x);

private:
  connection& db_;
};

} // namespace tunerd::sql
