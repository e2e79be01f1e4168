#include "actors/store/queue_table.hpp"

#include "actors/store/job_table.hpp"
#include "actors/store/rules.hpp"

#include <algorithm>
#include <iterator>

namespace tunerd::sql {

namespace {

constexpr int32_t page_max = 200;

const std::string entry_columns
  = "SELECT id, row, provider, user_id, org_id, team_id, queue, "
    "coalesce(priority_override, priority), queued_at, not_before, "
    "correlation_id FROM jobs ";

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

constexpr const char* all_active
  = "queue IN ('running', 'ready', 'pending', 'blocked')";
// The plus keeps the planner from an index after which all would be sorted.
constexpr const char* all_over
  = "+queue IN ('completed', 'failed', 'cancelled')";

constexpr const char* active_order
  = " ORDER BY CASE queue WHEN 'running' THEN 0 WHEN 'ready' THEN 1 "
    "WHEN 'pending' THEN 2 ELSE 3 END, "
    "coalesce(priority_override, priority) DESC, queued_at, row";
constexpr const char* newest_first = " ORDER BY row DESC";

/// Binds ?3 where no status is asked for.
const std::string unused = " AND ?3 = ''";

/// What a user sees of its own entries at once.
constexpr int32_t user_entries_max = 10;

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

// The plus keeps the planner from an index of all that a provider ever ran.
int64_t queue_table::held_by_provider(const std::string& provider) {
  return count(db_.query("SELECT count(*) FROM jobs "
                         "WHERE queue IN ('ready', 'running') "
                         "AND +provider = ?1",
                         provider));
}

std::vector<queue_entry> queue_table::holders() {
  static const auto sql
    = entry_columns + "WHERE queue IN ('ready', 'running') ORDER BY row";
  return all_entries(db_.query(sql));
}

// In the order of an index whose rows lie in about the same order.
std::vector<queue_entry> queue_table::waiting(const queue_place& after,
                                              int64_t count) {
  static const auto sql
    = entry_columns
      + "INDEXED BY jobs_waiting WHERE queue = 'pending' "
        "AND (queued_at, row) > (?1, ?2) ORDER BY queued_at, row LIMIT ?3";
  return all_entries(db_.query(sql, after.queued_at, after.row, count));
}

std::vector<queue_entry> queue_table::entries(const std::string& job_id) {
  static const auto sql
    = entry_columns
      + "WHERE queue IN ('pending', 'ready', 'running') AND id = ?1";
  return all_entries(db_.query(sql, job_id));
}

queue_page queue_table::list(const list_queue& query) {
  queue_page result;
  result.total_pending = count_visible(query.who, queue_status::pending);
  result.total_running = count_visible(query.who, queue_status::running);
  const auto limit = std::clamp(query.limit, 1, page_max);
  const auto offset = std::max(query.offset, int64_t{0});
  if (query.status && is_closed(*query.status)) {
    result.entries = read_page(query, "+queue = ?3 AND is_listed = 1",
                               newest_first, limit, offset);
    return result;
  }
  result.entries
    = read_page(query, query.status ? "queue = ?3" : all_active + unused,
                active_order, limit, offset);
  const auto room = limit - static_cast<int32_t>(result.entries.size());
  if (query.status || !query.include_completed || room == 0)
    return result;
  auto over
    = read_page(query, all_over + (unused + " AND is_listed = 1"), newest_first,
                room, std::max(offset - count_active(query.who), int64_t{0}));
  std::move(over.begin(), over.end(), std::back_inserter(result.entries));
  return result;
}

std::vector<job> queue_table::read_page(const list_queue& query,
                                        const std::string& picked,
                                        const char* order, int32_t limit,
                                        int64_t offset) {
  std::vector<job> result;
  auto rows = db_.query(
    "SELECT " + job_columns + " FROM jobs WHERE " + visible_to(query.who)
      + " AND " + picked + order + " LIMIT ?4 OFFSET ?5",
    query.who.user_id, query.who.org_id,
    query.status ? to_string(*query.status) : "", limit, offset);
  while (rows.step())
    result.push_back(read_job(rows));
  return result;
}

int64_t queue_table::count_visible(const caller& who, queue_status status) {
  return count(db_.query("SELECT count(*) FROM jobs WHERE " + visible_to(who)
                           + " AND queue = ?3",
                         who.user_id, who.org_id, to_string(status)));
}

int64_t queue_table::count_active(const caller& who) {
  return count(db_.query("SELECT count(*) FROM jobs WHERE " + visible_to(who)
                           + " AND " + all_active,
                         who.user_id, who.org_id));
}

user_queue queue_table::of_user(const caller& who, const std::string& user_id) {
  user_queue result;
  const auto theirs = visible_to(who) + " AND user_id = ?3 AND ";
  auto counts = db_.query("SELECT queue, count(*) FROM jobs WHERE " + theirs
                            + all_active + " GROUP BY queue",
                          who.user_id, who.org_id, user_id);
  while (counts.step()) {
    const auto status = *parse_queue_status(counts.get<std::string>(0));
    (status == queue_status::pending   ? result.pending_count
     : status == queue_status::blocked ? result.blocked_count
                                       : result.running_count)
      += counts.get<int64_t>(1);
  }
  const auto first = [&](const char* picked) {
    std::vector<job> jobs;
    auto rows = db_.query("SELECT " + job_columns + " FROM jobs WHERE " + theirs
                            + picked + active_order + " LIMIT ?4",
                          who.user_id, who.org_id, user_id, user_entries_max);
    while (rows.step())
      jobs.push_back(read_job(rows));
    return jobs;
  };
  result.pending = first("queue = 'pending'");
  result.running = first("queue IN ('ready', 'running')");
  return result;
}

int64_t queue_table::unlist(timestamp before, int64_t count) {
  return db_.execute(
    "UPDATE jobs SET is_listed = 0 WHERE row IN (SELECT row "
    "FROM jobs INDEXED BY jobs_over WHERE status IN ('completed', 'failed', "
    "'cancelled') AND completed_at < ?1 AND is_listed = 1 "
    "AND "
      + std::string{all_over} + " ORDER BY completed_at LIMIT ?2)",
    before, count);
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
                        "BIGINT) FROM attempts a JOIN jobs j "
                        "ON j.id = a.job_id WHERE a.claimed_at >= ?1 "
                        "AND a.number = 1",
                        since);
  wait.step();
  if (auto mean = wait.find<int64_t>(0))
    result.average_wait = caf::timespan{*mean};
  return result;
}

} // namespace tunerd::sql
