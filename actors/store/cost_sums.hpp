#pragma once

#include "actors/store/connection.hpp"
#include "messages/callers.hpp"
#include "messages/metrics.hpp"

// What jobs cost by user, org and day. The table `daily_costs` has a row per
// day, user and org that triggers keep in the transaction of each change, so
// that nobody who asks reads a job. A job costs what its provider says, else
// what was estimated; one that ended before it began costs nothing. Deleting a
// job gives no money back.

namespace tunerd::sql {

/// @returns the sums over the jobs that `who` sees and that were created on
/// this UTC day or one of the 29 before. Reads one row per day, user and org.
cost_sums sum_costs(connection& db, const caller& who, timestamp now);

/// Everybody's sums as they were read last: every page and every scrape asks.
struct kept_costs {
  cost_sums sums = {};
  /// None before the first.
  caf::optional<timestamp> read_at = caf::none;
};

/// @returns the sums as an admin sees them, up to 5 s old.
const cost_sums& sum_all_costs(connection& db, timestamp now, kept_costs& kept);

/// Removes the sums of days that no one asks about any more.
void prune_costs(connection& db, timestamp now);

} // namespace tunerd::sql
