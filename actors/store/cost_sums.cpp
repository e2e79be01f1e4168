#include "actors/store/cost_sums.hpp"

#include "actors/store/job_table.hpp"
#include "messages/json.hpp"

namespace tunerd::sql {

namespace {

constexpr int64_t days_counted = 30;
/// More than are counted: a clock may go back.
constexpr int64_t days_kept = 60;
constexpr size_t date_size = 10;
constexpr std::chrono::seconds kept_for{5};

using sums = std::map<std::string, int64_t>;

int64_t day_of(timestamp time) {
  return std::chrono::floor<std::chrono::days>(time.time_since_epoch()).count();
}

/// @param name The column that tells whose the costs are.
sums highest(connection& db, const caller& who, int64_t since,
             const std::string& name) {
  sums result;
  // total() cannot overflow as sum() does. Appending nothing keeps the planner
  // from the index by user where all users are read: its days lie far apart.
  auto rows = db.query(
    "SELECT " + name
      + " || '' AS name, CAST(total(cost_micros) AS BIGINT) AS cost "
        "FROM daily_costs WHERE "
      + visible_to(who) + " AND day >= ?3 AND " + name
      + " <> '' GROUP BY 1 HAVING total(cost_micros) > 0 "
        "ORDER BY cost DESC, 1 LIMIT ?4",
    who.user_id, who.org_id, since, static_cast<int64_t>(cost_names_max));
  while (rows.step())
    result.emplace(rows.get<std::string>(0), rows.get<int64_t>(1));
  return result;
}

sums by_day(connection& db, const caller& who, int64_t since) {
  sums result;
  auto rows
    = db.query("SELECT day, CAST(total(cost_micros) AS BIGINT) AS cost "
               "FROM daily_costs WHERE "
                 + visible_to(who)
                 + " AND day >= ?3 GROUP BY day HAVING total(cost_micros) > 0",
               who.user_id, who.org_id, since);
  while (rows.step()) {
    const timestamp day{std::chrono::days{rows.get<int64_t>(0)}};
    result.emplace(utc_text(day).substr(0, date_size), rows.get<int64_t>(1));
  }
  return result;
}

} // namespace

cost_sums sum_costs(connection& db, const caller& who, timestamp now) {
  const auto since = day_of(now) - days_counted + 1;
  return {highest(db, who, since, "user_id"), highest(db, who, since, "org_id"),
          by_day(db, who, since)};
}

const cost_sums& sum_all_costs(connection& db, timestamp now,
                               kept_costs& kept) {
  // A clock that went back makes them no younger.
  if (!kept.read_at || now < *kept.read_at || now - *kept.read_at >= kept_for)
    kept = {sum_costs(db, caller{}, now), now};
  return kept.sums;
}

void prune_costs(connection& db, timestamp now) {
  db.execute("DELETE FROM daily_costs WHERE day < ?1", day_of(now) - days_kept);
}

} // namespace tunerd::sql
