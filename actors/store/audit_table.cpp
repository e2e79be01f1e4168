#include "actors/store/audit_table.hpp"

#include "actors/store/job_table.hpp"

namespace tunerd::sql {

namespace {

audit_entry read_entry(const statement& row) {
  return {.id = row.get<int64_t>(0),
          .time = row.get<timestamp>(1),
          .user_id = row.get<std::string>(2),
          .token = row.get<std::string>(3),
          .action = row.get<std::string>(4),
          .subject = row.get<std::string>(5),
          .org_id = row.get<std::string>(6),
          .details = row.get<std::string>(7),
          .correlation_id = row.get<std::string>(8)};
}

} // namespace

int64_t audit_table::append(const audit_entry& x) {
  return db_.insert("INSERT INTO audit (time, user_id, token, action, subject, "
                    "org_id, details, correlation_id) "
                    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id",
                    x.time, x.user_id, x.token, x.action, x.subject, x.org_id,
                    x.details, x.correlation_id);
}

std::vector<audit_entry> audit_table::trace(const caller& who,
                                            const std::string& correlation_id,
                                            int64_t limit) {
  std::vector<audit_entry> result;
  auto rows
    = db_.query("SELECT id, time, user_id, token, action, subject, org_id, "
                "details, correlation_id FROM audit WHERE correlation_id = ?3 "
                "AND "
                  + visible_to(who) + " ORDER BY id LIMIT ?4",
                who.user_id, who.org_id, correlation_id, limit);
  while (rows.step())
    result.push_back(read_entry(rows));
  return result;
}

void audit_table::prune(timestamp time, int64_t count) {
  db_.execute("DELETE FROM audit WHERE id IN (SELECT id FROM audit "
              "WHERE time < ?1 ORDER BY time LIMIT ?2)",
              time, count);
}

} // namespace tunerd::sql
