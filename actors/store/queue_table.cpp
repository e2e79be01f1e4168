#include "actors/store/queue_table.hpp"

#include "actors/store/job_table.hpp"

#include <algorithm>

namespace tunerd::sql {

namespace {

constexpr int32_t page_max = 200;

const std::string entry_columns
  = "SELECT id, row, provider, user_id, org_id, team_id, queue, "
    "coalesce(priority_override, priority), queued_at, not_before, "
    "correlation_id FROM jobs WHERE queue IN ('pending', 'ready', 'running')";

queue_entry read_entry(const statement& row) {
  return {.job_id = row.get<std::string>(0),
          .row = row.get<int64_t>(1),
          .provider = row.get<std::string>(2),
          .user_id = row.get<std::string>(3),
          .org_id = row.get<std::string>(4),
          .team_id = row.get<std::string>(5),
          .status = *parse_queue_status(row.get<std::string>(6)),
          .priority = row.get<int32_t>(7),
          .queued_at = row.get<timestamp>(8),
          .not_before = row.get<timestamp>(9),
          .correlation_id = row.get<std::string>(10)};
}

std::vector<queue_entry> all_entries(statement rows) {
  std::vector<queue_entry> result;
  while (rows.step())
    result.push_back(read_entry(rows));
  return result;
}

int64_t count(statement row) {
  row.step();
  return row.get<int64_t>(0);
}

/// @returns the condition that picks what `query` is about. Uses ?3.
std::string picked_by(const list_queue& query) {
  if (query.status)
    return "queue = ?3";
  if (query.include_completed)
    return "?3 = ''";
  return "queue IN ('running', 'ready', 'pending', 'blocked') AND ?3 = ''";
}

constexpr const char* queue_order
  = " ORDER BY CASE queue WHEN 'running' THEN 0 WHEN 'ready' THEN 1 "
    "WHEN 'pending' THEN 2 WHEN 'blocked' THEN 3 ELSE 4 END, "
    "CASE WHEN queue IN ('completed', 'failed', 'cancelled') THEN -row END, "
    "coalesce(priority_override, priority) DESC, queued_at, row "
    "LIMIT ?4 OFFSET ?5";

} // namespace

int64_t queue_table::held() {
  return count(db_.query("SELECT count(*) FROM jobs "
                         "WHERE queue IN ('ready', 'running')"));
}

int64_t queue_table::held_by_user(const std::string& user_id) {
  return count(db_.query("SELECT count(*) FROM jobs "
                         "WHERE queue IN ('ready', 'running') "
                         "AND user_id = ?1",
                         user_id));
}

int64_t queue_table::held_by_team(const std::string& org_id,
                                  const std::string& team_id) {
  return count(db_.query("SELECT count(*) FROM jobs "
                         "WHERE queue IN ('ready', 'running') "
                         "AND org_id = ?1 AND team_id = ?2",
                         org_id, team_id));
}

int64_t queue_table::held_by_org(const std::string& org_id) {
  return count(db_.query("SELECT count(*) FROM jobs "
                         "WHERE queue IN ('ready', 'running') "
                         "AND org_id = ?1",
                         org_id));
}

std::vector<queue_entry> queue_table::entries() {
  static const auto sql = entry_columns + " ORDER BY row";
  return all_entries(db_.query(sql));
}

std::vector<queue_entry> queue_table::entries(const std::string& job_id) {
  static const auto sql = entry_columns + " AND id = ?1";
  return all_entries(db_.query(sql, job_id));
}

queue_page queue_table::list(const list_queue& query) {
  queue_page result;
  result.total_pending = count_visible(query.who, queue_status::pending);
  result.total_running = count_visible(query.who, queue_status::running);
  auto rows = db_.query(
    "SELECT " + job_columns + " FROM jobs WHERE " + visible_to(query.who)
      + " AND " + picked_by(query) + queue_order,
    query.who.user_id, query.who.org_id,
    query.status ? to_string(*query.status) : "",
    std::clamp(query.limit, 1, page_max), std::max(query.offset, int64_t{0}));
  while (rows.step())
    result.entries.push_back(read_job(rows));
  return result;
}

int64_t queue_table::count_visible(const caller& who, queue_status status) {
  return count(db_.query("SELECT count(*) FROM jobs WHERE " + visible_to(who)
                           + " AND queue = ?3",
                         who.user_id, who.org_id, to_string(status)));
}

queue_stats queue_table::stats(timestamp since) {
  queue_stats result;
  for (auto i = queue_status::pending; i <= queue_status::blocked;
       i = static_cast<queue_status>(static_cast<uint8_t>(i) + 1))
    result.by_status[to_string(i)] = 0;
  auto by_status = db_.query("SELECT queue, count(*) FROM jobs GROUP BY queue");
  while (by_status.step())
    result.by_status[by_status.get<std::string>(0)] = by_status.get<int64_t>(1);
  auto by_user = db_.query("SELECT user_id, count(*) FROM jobs WHERE queue IN "
                           "('running', 'ready', 'pending', 'blocked') "
                           "GROUP BY user_id");
  while (by_user.step())
    result.by_user[by_user.get<std::string>(0)] = by_user.get<int64_t>(1);
  auto wait = db_.query("SELECT CAST(avg(a.claimed_at - j.queued_at) AS "
                        "INTEGER) FROM attempts a JOIN jobs j "
                        "ON j.id = a.job_id WHERE a.claimed_at >= ?1 "
                        "AND a.number = 1",
                        since);
  wait.step();
  if (auto mean = wait.find<int64_t>(0))
    result.average_wait = caf::timespan{*mean};
  return result;
}

} // namespace tunerd::sql
