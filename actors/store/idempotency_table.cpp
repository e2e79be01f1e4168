#include "actors/store/idempotency_table.hpp"

namespace tunerd::sql {

caf::optional<idempotency_table::entry>
idempotency_table::find(const std::string& user_id, const std::string& key,
                        timestamp now) {
  auto row = db_.query("SELECT request_hash, job_id FROM idempotency_keys "
                       "WHERE user_id = ?1 AND key = ?2 AND expires_at > ?3",
                       user_id, key, now);
  if (!row.step())
    return caf::none;
  return entry{row.get<std::string>(0), row.get<std::string>(1)};
}

void idempotency_table::insert(const std::string& user_id,
                               const std::string& key, const entry& x,
                               timestamp expires_at) {
  db_.execute("INSERT INTO idempotency_keys (user_id, key, "
              "request_hash, job_id, expires_at) VALUES (?1, ?2, ?3, ?4, ?5) "
              "ON CONFLICT (user_id, key) DO UPDATE SET "
              "request_hash = excluded.request_hash, job_id = excluded.job_id, "
              "expires_at = excluded.expires_at",
              user_id, key, x.request_hash, x.job_id, expires_at);
}

void idempotency_table::prune(timestamp now, int64_t count) {
  db_.execute("DELETE FROM idempotency_keys WHERE (user_id, key) IN (SELECT "
              "user_id, key FROM idempotency_keys WHERE expires_at <= ?1 "
              "LIMIT ?2)",
              now, count);
}

} // namespace tunerd::sql
