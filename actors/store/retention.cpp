#include "actors/store/retention.hpp"

#include "actors/store/audit_table.hpp"

#include <vector>

namespace tunerd::sql {

namespace {

/// @returns jobs that are over since before `time` and that nothing holds.
std::vector<std::string> find_due(connection& db, timestamp time,
                                  int64_t count) {
  std::vector<std::string> result;
  auto rows
    = db.query("SELECT id FROM jobs INDEXED BY jobs_over "
               "WHERE status IN ('completed', 'failed', 'cancelled') "
               "AND completed_at < ?1 "
               "AND queue IN ('completed', 'failed', 'cancelled') "
               "AND NOT EXISTS (SELECT 1 FROM attempts WHERE job_id = jobs.id "
               "AND (closed_at IS NULL OR watched_since IS NOT NULL)) "
               "AND NOT EXISTS (SELECT 1 FROM approvals WHERE job_id = jobs.id "
               "AND status = 'pending') "
               "ORDER BY completed_at LIMIT ?2",
               time, count);
  while (rows.step())
    result.push_back(rows.get<std::string>(0));
  return result;
}

/// Inputs, logs and approvals go with the job. Its attempts too: what the
/// provider has of that age is adopted by nobody any more.
void remove(connection& db, const std::string& job_id) {
  db.execute("DELETE FROM attempts WHERE job_id = ?1", job_id);
  db.execute("DELETE FROM jobs WHERE id = ?1", job_id);
}

/// Removes closed attempts of jobs that were deleted by somebody.
void remove_orphans(connection& db, timestamp time, int64_t count) {
  db.execute("DELETE FROM attempts WHERE id IN (SELECT id FROM attempts a "
             "WHERE claimed_at < ?1 AND closed_at < ?1 AND NOT EXISTS "
             "(SELECT 1 FROM jobs WHERE id = a.job_id) "
             "ORDER BY claimed_at LIMIT ?2)",
             time, count);
}

void retire_jobs(connection& db, timestamp time, int64_t count) {
  const auto due = find_due(db, time, count);
  for (const auto& id : due)
    remove(db, id);
  // While jobs are behind, their attempts would be read in vain.
  if (static_cast<int64_t>(due.size()) < count)
    remove_orphans(db, time, count);
}

} // namespace

void retire(connection& db, timestamp now, const config::retention& kept,
            int64_t count) {
  using std::chrono::days;
  if (kept.job_days > 0)
    retire_jobs(db, now - days{kept.job_days}, count);
  if (kept.audit_days > 0)
    audit_table{db}.prune(now - days{kept.audit_days}, count);
}

} // namespace tunerd::sql
