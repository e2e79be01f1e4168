#include "actors/store/input_table.hpp"

namespace tunerd::sql {

void input_table::insert(const std::string& job_id, const provider_input& x) {
  db_.execute("INSERT INTO job_inputs (job_id, version, body, fingerprint, "
              "webhook_url, max_runtime) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
              job_id, x.version, x.body, x.fingerprint, x.webhook_url,
              x.max_runtime.count());
}

caf::optional<provider_input> input_table::find(const std::string& job_id) {
  auto row = db_.query("SELECT version, body, fingerprint, webhook_url, "
                       "max_runtime FROM job_inputs WHERE job_id = ?1",
                       job_id);
  if (!row.step())
    return caf::none;
  return provider_input{row.get<std::string>(0), row.get<std::string>(1),
                        row.get<std::string>(2), row.get<std::string>(3),
                        caf::timespan{row.get<int64_t>(4)}};
}

void input_table::expire(const std::string& job_id, timestamp time) {
  db_.execute("UPDATE job_inputs SET delete_after = ?2 WHERE job_id = ?1",
              job_id, time);
}

void input_table::prune(timestamp now, int64_t count) {
  db_.execute("DELETE FROM job_inputs WHERE job_id IN (SELECT job_id FROM "
              "job_inputs WHERE delete_after <= ?1 LIMIT ?2)",
              now, count);
}

} // namespace tunerd::sql
