#include "actors/store/cost_table.hpp"

#include <algorithm>

namespace tunerd::sql {

namespace {

constexpr int64_t ns_per_day = 86'400'000'000'000;
constexpr int64_t total_max = 1'000'000'000'000'000'000;

/// @returns what `row` has as its only value, a sum.
int64_t total(statement row) {
  row.step();
  return std::clamp(row.get<int64_t>(0), int64_t{0}, total_max);
}

} // namespace

cost_limit cost_table::limit_of(const std::string& provider) {
  const auto prefix = "provider." + provider + ".cost_limit_";
  auto end = prefix;
  ++end.back(); // behind all that begins with it
  std::map<std::string, std::string> settings;
  auto rows = db_.query("SELECT key, value FROM settings "
                        "WHERE key >= ?1 AND key < ?2",
                        prefix, end);
  while (rows.step())
    settings.emplace(rows.get<std::string>(0).substr(prefix.size()),
                     rows.get<std::string>(1));
  return parse_cost_limit(provider, settings);
}

int64_t cost_table::spent(const std::string& provider, timestamp since) {
  // total() cannot overflow as sum() does. The indexes hold all that is read.
  return total(db_.query(
           "SELECT CAST(total(coalesce(cost_micros, CASE WHEN started_at "
           "IS NULL THEN 0 ELSE reserved_micros END)) AS BIGINT) FROM jobs "
           "WHERE provider = ?1 AND completed_at > ?2",
           provider, since))
         + total(
           db_.query("SELECT CAST(total(reserved_micros) AS BIGINT) FROM jobs "
                     "INDEXED BY jobs_active_by_provider "
                     "WHERE provider = ?1 AND status IN "
                     "('pending', 'uploading', 'queued', 'running')",
                     provider))
         + total(db_.query(
           "SELECT CAST(total(cost_micros) AS BIGINT) FROM deleted_costs "
           "WHERE provider = ?1 AND day >= ?2",
           provider, since.time_since_epoch().count() / ns_per_day));
}

caf::optional<caf::timespan> cost_table::mean_run(const std::string& provider,
                                                  const std::string& profile) {
  auto row = db_.query("SELECT CAST(avg(completed_at - started_at) AS BIGINT) "
                       "FROM (SELECT completed_at, started_at FROM jobs "
                       "WHERE status = 'completed' AND provider = ?1 "
                       "AND hardware_profile = ?2 "
                       "ORDER BY completed_at DESC LIMIT 100) AS newest",
                       provider, profile);
  row.step();
  const auto mean = row.find<int64_t>(0);
  if (!mean)
    return caf::none;
  return caf::timespan{std::max(*mean, int64_t{0})};
}

} // namespace tunerd::sql
