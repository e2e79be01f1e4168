#include "actors/store/approval_table.hpp"
#include "actors/store/audit_table.hpp"
#include "actors/store/event_log.hpp"
#include "actors/store/job_table.hpp"
#include "actors/store/queries.hpp"

// Everything that is stored under one correlation id.

namespace tunerd::sql {

namespace {

constexpr int64_t list_max = 1'000;

/// @returns `sql` for `query`, one `T` per row. Binds the caller to ?1 and ?2,
/// the correlation id to ?3, the bound to ?4.
template <class F>
auto collect(const view& in, const get_trace& query, const std::string& sql,
             F read) {
  std::vector<decltype(read(std::declval<const statement&>()))> result;
  auto rows = in.db.query(sql, query.who.user_id, query.who.org_id,
                          query.correlation_id, list_max);
  while (rows.step())
    result.push_back(read(rows));
  return result;
}

attempt_trace read_attempt(const statement& row) {
  return {.id = row.get<int64_t>(0),
          .job_id = row.get<std::string>(1),
          .number = row.get<int32_t>(2),
          .state = *parse_attempt_state(row.get<std::string>(3)),
          .claimed_at = row.get<timestamp>(4),
          .closed_at = row.find<timestamp>(5),
          .external_id = row.get<std::string>(6)};
}

} // namespace

caf::expected<trace_found> look_up(const view& in, const get_trace& query) {
  const auto visible = visible_to(query.who);
  trace_found result{query.ctx};
  result.jobs = collect(in, query,
                        "SELECT " + job_columns
                          + " FROM jobs WHERE correlation_id = ?3 AND "
                          + visible + " ORDER BY row LIMIT ?4",
                        read_job);
  // An attempt that outlived its job belongs to nobody: for admins only.
  result.attempts = collect(
    in, query,
    "SELECT a.id, a.job_id, a.number, a.state, a.claimed_at, a.closed_at, "
    "coalesce(a.external_id, '') FROM attempts a LEFT JOIN jobs j "
    "ON j.id = a.job_id WHERE a.correlation_id = ?3 AND "
      + visible + " ORDER BY a.id LIMIT ?4",
    read_attempt);
  result.approvals
    = approval_table{in.db}.trace(query.who, query.correlation_id, list_max);
  result.events
    = event_log{in.db}.trace(query.who, query.correlation_id, list_max);
  result.audit
    = audit_table{in.db}.trace(query.who, query.correlation_id, list_max);
  return result;
}

} // namespace tunerd::sql
