#include "actors/store/job_table.hpp"

#include <algorithm>

namespace tunerd::sql {

const std::string job_columns
  = "row, id, job_type, provider, status, config_name, user_id, org_id, "
    "team_id, created_at, started_at, completed_at, cost_micros, "
    "estimated_cost_micros, hardware_type, hardware_profile, error_message, "
    "output_url, metadata, correlation_id, queue, priority, "
    "priority_override, queued_at, not_before, attempts_used, max_attempts, "
    "external_id, approval_id";

namespace {

constexpr int32_t page_max = 500;

/// @returns what `who` may see, cut into conditions that exclude each other:
/// an index leads to each of them, and none to both at once.
std::vector<std::string> parts_visible_to(const caller& who) {
  if (who.level == caller_level::lead && !who.org_id.empty())
    return {"(user_id = ?1 AND ?2 IS NOT NULL)",
            "(org_id = ?2 AND org_id <> '' AND user_id <> ?1)"};
  return {visible_to(who)};
}

/// @returns a condition that holds always and leads to the index that covers
/// what is counted.
const char* counted_by(const list_jobs& query) {
  const auto is_filtered = !query.job_type.empty() || !query.provider.empty();
  return query.who.level == caller_level::admin && is_filtered
           ? " AND status <> ''"
           : "";
}

/// @returns what `query` asks for besides that. All of ?3 to ?5 is bound, used
/// or not, so that the numbers stay the same. A plus keeps the planner from an
/// index after which every match would have to be sorted.
std::string matches(const list_jobs& query) {
  const auto is_admin = query.who.level == caller_level::admin;
  return std::string{query.job_type.empty() ? " AND ?3 = ''"
                                            : " AND +job_type = ?3"}
         + (query.provider.empty() ? " AND ?4 = ''" : " AND +provider = ?4")
         + (!query.status ? " AND ?5 = ''"
            : is_admin    ? " AND status = ?5 AND status <> ''"
                          : " AND +status = ?5");
}

// A column that is written costs the upkeep of every index that names it, even
// if its value stays: the two steps that each job takes write what they must.

bool same_besides_place(const job& a, const job& b) {
  return a.started_at == b.started_at && a.completed_at == b.completed_at
         && a.cost_micros == b.cost_micros && a.error_message == b.error_message
         && a.output_url == b.output_url && a.not_before == b.not_before
         && a.attempts_used == b.attempts_used
         && a.priority_override == b.priority_override;
}

/// @returns whether an update has nothing to do but to move `a` in the queue,
/// as a claim does.
bool only_queue_differs(const job& a, const job& b) {
  return a.status == b.status && a.external_id == b.external_id
         && same_besides_place(a, b);
}

/// @returns whether `b` is `a` as the provider took it: the record.
/// A job that ends differs in when it did, too.
bool only_place_differs(const job& a, const job& b) {
  return !is_terminal(b.status) && same_besides_place(a, b);
}

} // namespace

job read_job(const statement& row) {
  int i = 0;
  job x;
  x.row = row.get<int64_t>(i++);
  x.id = row.get<std::string>(i++);
  x.job_type = row.get<std::string>(i++);
  x.provider = row.get<std::string>(i++);
  x.status = *parse_job_status(row.get<std::string>(i++));
  x.config_name = row.get<std::string>(i++);
  x.user_id = row.get<std::string>(i++);
  x.org_id = row.get<std::string>(i++);
  x.team_id = row.get<std::string>(i++);
  x.created_at = row.get<timestamp>(i++);
  x.started_at = row.find<timestamp>(i++);
  x.completed_at = row.find<timestamp>(i++);
  x.cost_micros = row.find<int64_t>(i++);
  x.estimated_cost_micros = row.find<int64_t>(i++);
  x.hardware_type = row.get<std::string>(i++);
  x.hardware_profile = row.get<std::string>(i++);
  x.error_message = row.get<std::string>(i++);
  x.output_url = row.get<std::string>(i++);
  x.metadata = row.get<std::string>(i++);
  x.correlation_id = row.get<std::string>(i++);
  x.queue = *parse_queue_status(row.get<std::string>(i++));
  x.priority = row.get<int32_t>(i++);
  x.priority_override = row.find<int32_t>(i++);
  x.queued_at = row.get<timestamp>(i++);
  x.not_before = row.get<timestamp>(i++);
  x.attempts_used = row.get<int32_t>(i++);
  x.max_attempts = row.get<int32_t>(i++);
  x.external_id = row.get<std::string>(i++);
  x.approval_id = row.get<int64_t>(i++);
  return x;
}

std::string visible_to(const caller& who) {
  if (who.level == caller_level::admin)
    return "(1 = 1 OR ?1 = ?2)";
  if (who.level == caller_level::lead && !who.org_id.empty())
    return "(user_id = ?1 OR org_id = ?2)";
  return "(user_id = ?1 AND ?2 IS NOT NULL)";
}

int64_t job_table::insert(const job& x) {
  static const auto columns = job_columns.substr(job_columns.find("id"));
  static const auto sql = "INSERT INTO jobs (" + columns
                          + ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
                            "?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "
                            "?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28) "
                            "RETURNING row";
  return db_.insert(
    sql, x.id, x.job_type, x.provider, to_string(x.status), x.config_name,
    x.user_id, x.org_id, x.team_id, x.created_at, x.started_at, x.completed_at,
    x.cost_micros, x.estimated_cost_micros, x.hardware_type, x.hardware_profile,
    x.error_message, x.output_url, x.metadata, x.correlation_id,
    to_string(x.queue), x.priority, x.priority_override, x.queued_at,
    x.not_before, x.attempts_used, x.max_attempts, x.external_id,
    x.approval_id);
}

caf::optional<job> job_table::find(const std::string& id) {
  static const auto sql = "SELECT " + job_columns + " FROM jobs WHERE id = ?1";
  auto row = db_.query(sql, id);
  if (!row.step())
    return caf::none;
  return read_job(row);
}

bool job_table::update(const job& before, const job& after) {
  const auto status = to_string(before.status);
  const auto queue = to_string(before.queue);
  if (only_queue_differs(before, after))
    return db_.execute("UPDATE jobs SET queue = ?4 WHERE id = ?1 "
                       "AND status = ?2 AND queue = ?3",
                       before.id, status, queue, to_string(after.queue))
           == 1;
  if (only_place_differs(before, after))
    return db_.execute("UPDATE jobs SET queue = ?4, status = ?5, "
                       "external_id = ?6 WHERE id = ?1 AND status = ?2 "
                       "AND queue = ?3",
                       before.id, status, queue, to_string(after.queue),
                       to_string(after.status), after.external_id)
           == 1;
  return db_.execute("UPDATE jobs SET status = ?4, queue = ?5, "
                     "started_at = ?6, completed_at = ?7, cost_micros = ?8, "
                     "error_message = ?9, output_url = ?10, not_before = ?11, "
                     "attempts_used = ?12, external_id = ?13, "
                     "priority_override = ?14 "
                     "WHERE id = ?1 AND status = ?2 AND queue = ?3",
                     before.id, status, queue, to_string(after.status),
                     to_string(after.queue), after.started_at,
                     after.completed_at, after.cost_micros, after.error_message,
                     after.output_url, after.not_before, after.attempts_used,
                     after.external_id, after.priority_override)
         == 1;
}

void job_table::set_terms(const std::string& id, int64_t approval_id,
                          int64_t reserved_micros) {
  db_.execute("UPDATE jobs SET approval_id = ?2, reserved_micros = ?3 "
              "WHERE id = ?1",
              id, approval_id, reserved_micros);
}

caf::optional<job> job_table::find_external(const std::string& provider,
                                            const std::string& external_id) {
  static const auto sql = "SELECT " + job_columns
                          + " FROM jobs WHERE provider = ?1 "
                            "AND external_id = ?2 AND external_id <> ''";
  auto row = db_.query(sql, provider, external_id);
  if (!row.step())
    return caf::none;
  return read_job(row);
}

void job_table::erase(const std::string& id) {
  db_.execute("DELETE FROM jobs WHERE id = ?1", id);
}

void job_table::set_missing(const std::string& id,
                            caf::optional<timestamp> since, int64_t count) {
  db_.execute("UPDATE jobs SET missing_since = ?2, missing_count = ?3 "
              "WHERE id = ?1",
              id, since, count);
}

job_table::missing job_table::find_missing(const std::string& id) {
  auto row = db_.query("SELECT missing_since, missing_count FROM jobs "
                       "WHERE id = ?1",
                       id);
  if (!row.step())
    return {};
  return {row.find<timestamp>(0), row.get<int64_t>(1)};
}

job_list job_table::list(const list_jobs& query) {
  const auto status = query.status ? to_string(*query.status) : "";
  job_list result;
  std::string picked;
  for (const auto& part : parts_visible_to(query.who)) {
    const auto where = "FROM jobs WHERE " + part + matches(query);
    auto count = db_.query("SELECT count(*) " + where + counted_by(query),
                           query.who.user_id, query.who.org_id, query.job_type,
                           query.provider, status);
    count.step();
    result.total += count.get<int64_t>(0);
    picked
      += (picked.empty() ? "SELECT row " : " UNION ALL SELECT row ") + where;
  }
  auto rows = db_.query(
    "SELECT " + job_columns + " FROM jobs WHERE row IN (" + picked
      + " ORDER BY row DESC LIMIT ?6 OFFSET ?7) ORDER BY row DESC",
    query.who.user_id, query.who.org_id, query.job_type, query.provider, status,
    std::clamp(query.limit, 1, page_max), std::max(query.offset, int64_t{0}));
  while (rows.step())
    result.jobs.push_back(read_job(rows));
  return result;
}

std::vector<job> job_table::list_at_provider() {
  static const auto sql = "SELECT " + job_columns
                          + " FROM jobs INDEXED BY jobs_at_provider "
                            "WHERE status IN "
                            "('pending', 'uploading', 'queued', 'running') "
                            "AND external_id <> '' ORDER BY row";
  std::vector<job> result;
  auto rows = db_.query(sql);
  while (rows.step())
    result.push_back(read_job(rows));
  return result;
}

} // namespace tunerd::sql
