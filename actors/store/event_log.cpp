#include "actors/store/event_log.hpp"

#include "actors/store/job_table.hpp"

namespace tunerd::sql {

namespace {

constexpr const char* columns = "SELECT id, time, type, job_id, user_id, "
                                "org_id, correlation_id, data FROM events ";

event read_event(const statement& row) {
  return {.id = row.get<int64_t>(0),
          .time = row.get<timestamp>(1),
          .type = row.get<std::string>(2),
          .job_id = row.get<std::string>(3),
          .user_id = row.get<std::string>(4),
          .org_id = row.get<std::string>(5),
          .correlation_id = row.get<std::string>(6),
          .data = row.get<std::string>(7)};
}

} // namespace

int64_t event_log::append(const event& x) {
  return db_.insert(
    "INSERT INTO events (time, type, job_id, user_id, org_id, "
    "correlation_id, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id",
    x.time, x.type, x.job_id, x.user_id, x.org_id, x.correlation_id, x.data);
}

int64_t event_log::head() {
  // Not max(id): the newest events may have been pruned.
  auto row = db_.query("SELECT seq FROM sqlite_sequence WHERE name = 'events'");
  return row.step() ? row.get<int64_t>(0) : 0;
}

event_page event_log::read(int64_t after, int32_t limit) {
  event_page result;
  static const auto sql
    = columns + std::string{"WHERE id > ?1 ORDER BY id LIMIT ?2"};
  auto rows = db_.query(sql, after, limit);
  while (rows.step())
    result.events.push_back(read_event(rows));
  auto oldest = db_.query("SELECT coalesce(min(id), 0) FROM events");
  oldest.step();
  result.oldest = oldest.get<int64_t>(0);
  result.head = head();
  return result;
}

std::vector<event> event_log::trace(const caller& who,
                                    const std::string& correlation_id,
                                    int64_t limit) {
  std::vector<event> result;
  auto rows = db_.query(
    columns
      + ("WHERE correlation_id = ?3 AND " + visible_to(who))
      // Those of nobody are for admins only.
      + (who.level == caller_level::admin ? "" : " AND user_id <> ''")
      + " ORDER BY id LIMIT ?4",
    who.user_id, who.org_id, correlation_id, limit);
  while (rows.step())
    result.push_back(read_event(rows));
  return result;
}

void event_log::prune(timestamp time, int64_t count) {
  db_.execute("DELETE FROM events WHERE time < ?1 AND id IN "
              "(SELECT id FROM events ORDER BY id LIMIT ?2)",
              time, count);
}

} // namespace tunerd::sql
