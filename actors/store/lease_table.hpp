#pragma once

#include "actors/store/connection.hpp"
#include "messages/cluster.hpp"

namespace tunerd::sql {

/// The tables `leases` and `nodes`. Databases that one daemon has for itself
/// have none.
class lease_table {
public:
  explicit lease_table(connection& db) : db_(db) {
  }

  /// Notes that a node lives, and does what it wishes; a release is its end.
  lease_kept keep(const keep_lease& command, timestamp now);

  /// Locks the lease until the transaction ends, so that nobody else can take
  /// it. @returns whether `holder` has it at `epoch`.
  bool lock(const std::string& holder, int64_t epoch);

private:
  void note(const node_state& x, timestamp now);
  bool has_twin(const node_state& x);
  bool grant(const keep_lease& command, timestamp now);

  connection& db_;
};

} // namespace tunerd::sql
