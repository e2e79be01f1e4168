#include "actors/store/approval_table.hpp"

#include "actors/store/job_table.hpp"

#include <algorithm>

namespace tunerd::sql {

namespace {

constexpr int32_t page_max = 200;

const std::string columns
  = "job_id, user_id, org_id, rule_id, status, reason, provider, "
    "config_name, estimated_cost_micros, hardware_type, required_level, "
    "reviewed_by, reviewed_at, review_notes, created_at, expires_at, "
    "correlation_id";

const std::string select = "SELECT id, " + columns + " FROM approvals WHERE ";

// The planner would rather go through all that is pending. So a sweep costs as
// much as it finds, and asking for the next deadline costs one row.
const std::string by_deadline
  = " FROM approvals INDEXED BY approvals_due "
    "WHERE status = 'pending' AND expires_at IS NOT NULL ";
const std::string by_warning
  = " FROM approvals INDEXED BY approvals_to_warn "
    "WHERE status = 'pending' AND expires_at IS NOT NULL AND is_warned = 0 ";

approval read_approval(const statement& row) {
  int i = 0;
  approval x;
  x.id = row.get<int64_t>(i++);
  x.job_id = row.get<std::string>(i++);
  x.user_id = row.get<std::string>(i++);
  x.org_id = row.get<std::string>(i++);
  x.rule_id = row.get<int64_t>(i++);
  x.status = *parse_approval_status(row.get<std::string>(i++));
  x.reason = row.get<std::string>(i++);
  x.provider = row.get<std::string>(i++);
  x.config_name = row.get<std::string>(i++);
  x.estimated_cost_micros = row.find<int64_t>(i++);
  x.hardware_type = row.get<std::string>(i++);
  const auto level = parse_caller_level(row.get<std::string>(i++));
  x.required_level = level ? *level : caller_level::admin;
  x.reviewed_by = row.get<std::string>(i++);
  x.reviewed_at = row.find<timestamp>(i++);
  x.review_notes = row.get<std::string>(i++);
  x.created_at = row.get<timestamp>(i++);
  x.expires_at = row.find<timestamp>(i++);
  x.correlation_id = row.get<std::string>(i++);
  return x;
}

caf::optional<approval> first(statement rows) {
  if (!rows.step())
    return caf::none;
  return read_approval(rows);
}

std::vector<approval> all(statement rows) {
  std::vector<approval> result;
  while (rows.step())
    result.push_back(read_approval(rows));
  return result;
}

caf::optional<timestamp> earliest(statement row) {
  row.step();
  return row.find<timestamp>(0);
}

} // namespace

int64_t approval_table::insert(const approval& x) {
  static const auto sql = "INSERT INTO approvals (" + columns
                          + ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
                            "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) "
                            "RETURNING id";
  return db_.insert(
    sql, x.job_id, x.user_id, x.org_id, x.rule_id, to_string(x.status),
    x.reason, x.provider, x.config_name, x.estimated_cost_micros,
    x.hardware_type, to_string(x.required_level), x.reviewed_by, x.reviewed_at,
    x.review_notes, x.created_at, x.expires_at, x.correlation_id);
}

caf::optional<approval> approval_table::find(int64_t id) {
  static const auto sql = select + "id = ?1";
  return first(db_.query(sql, id));
}

caf::optional<approval>
approval_table::find_pending(const std::string& job_id) {
  static const auto sql = select + "job_id = ?1 AND status = 'pending'";
  return first(db_.query(sql, job_id));
}

caf::optional<approval> approval_table::find_newest(const std::string& job_id) {
  static const auto sql = select + "job_id = ?1 ORDER BY id DESC LIMIT 1";
  return first(db_.query(sql, job_id));
}

bool approval_table::decide(const approval& x, timestamp now) {
  return db_.execute("UPDATE approvals SET status = ?2, reviewed_by = ?3, "
                     "reviewed_at = ?4, review_notes = ?5 "
                     "WHERE id = ?1 AND status = 'pending' "
                     "AND (?2 = 'expired') = "
                     "(expires_at IS NOT NULL AND expires_at <= ?6)",
                     x.id, to_string(x.status), x.reviewed_by, x.reviewed_at,
                     x.review_notes, now)
         == 1;
}

bool approval_table::extend(int64_t id, timestamp expires_at, timestamp now) {
  return db_.execute("UPDATE approvals SET expires_at = ?2, is_warned = 0 "
                     "WHERE id = ?1 AND status = 'pending' "
                     "AND expires_at > ?3 AND expires_at < ?2",
                     id, expires_at, now)
         == 1;
}

void approval_table::set_warned(int64_t id) {
  db_.execute("UPDATE approvals SET is_warned = 1 WHERE id = ?1", id);
}

std::vector<approval> approval_table::list_due(timestamp now, int64_t count) {
  static const auto sql = "SELECT id, " + columns + by_deadline
                          + "AND expires_at <= ?1 "
                            "ORDER BY expires_at, id LIMIT ?2";
  return all(db_.query(sql, now, count));
}

std::vector<approval>
approval_table::list_to_warn(timestamp now, timestamp until, int64_t count) {
  static const auto sql = "SELECT id, " + columns + by_warning
                          + "AND expires_at > ?1 AND expires_at <= ?2 "
                            "ORDER BY expires_at, id LIMIT ?3";
  return all(db_.query(sql, now, until, count));
}

caf::optional<timestamp> approval_table::next_deadline() {
  static const auto sql = "SELECT min(expires_at)" + by_deadline;
  return earliest(db_.query(sql));
}

caf::optional<timestamp> approval_table::next_to_warn() {
  static const auto sql = "SELECT min(expires_at)" + by_warning;
  return earliest(db_.query(sql));
}

bool approval_table::has_pending(int64_t rule_id) {
  return db_
    .query("SELECT 1 FROM approvals WHERE status = 'pending' AND rule_id = ?1",
           rule_id)
    .step();
}

approval_list approval_table::list(const list_approvals& query) {
  const auto& who = query.who;
  // All of it is bound in each of the few texts that these make.
  const auto where
    = query.own_only ? "(user_id = ?1 AND ?2 IS NOT NULL)" : visible_to(who);
  const auto picked = query.status ? " AND status = ?3" : " AND ?3 = ''";
  const auto status = query.status ? to_string(*query.status) : "";
  approval_list result;
  auto count = db_.query("SELECT count(*) FROM approvals WHERE " + where
                           + " AND status = 'pending'",
                         who.user_id, who.org_id);
  count.step();
  result.pending_count = count.get<int64_t>(0);
  result.requests = all(db_.query(
    select + where + picked + " ORDER BY id DESC LIMIT ?4 OFFSET ?5",
    who.user_id, who.org_id, status, std::clamp(query.limit, 1, page_max),
    std::max(query.offset, int64_t{0})));
  return result;
}

std::vector<approval> approval_table::trace(const caller& who,
                                            const std::string& correlation_id,
                                            int64_t count) {
  return all(db_.query(select + "correlation_id = ?3 AND " + visible_to(who)
                         + " ORDER BY id LIMIT ?4",
                       who.user_id, who.org_id, correlation_id, count));
}

} // namespace tunerd::sql
