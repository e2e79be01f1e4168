#pragma once

#include "actors/store/connection.hpp"
#include "actors/store/cost_limit.hpp"

namespace tunerd::sql {

/// What jobs cost, and what they may cost: sums over `jobs` and settings.
class cost_table {
public:
  explicit cost_table(connection& db) : db_(db) {
  }

  cost_limit limit_of(const std::string& provider);

  /// @returns micro-USD: costs of jobs that ended after `since`, deleted ones
  /// included, and what is reserved for active ones. A job that has run and
  /// whose cost is not known yet costs what was reserved for it.
  int64_t spent(const std::string& provider, timestamp since);

  /// @returns how long the last 100 jobs that completed ran on average; none
  /// if there is none.
  caf::optional<caf::timespan> mean_run(const std::string& provider,
                                        const std::string& profile);

private:
  connection& db_;
};

} // namespace tunerd::sql
