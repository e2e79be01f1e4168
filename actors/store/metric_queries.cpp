#include "actors/store/cost_sums.hpp"
#include "actors/store/event_log.hpp"
#include "actors/store/job_table.hpp"
#include "actors/store/queries.hpp"
#include "actors/store/refusals.hpp"
#include "messages/json.hpp"

#include <initializer_list>

// Sums over what is stored. Those for metrics are covered by indexes: however
// many jobs there are, none is read.

namespace tunerd::sql {

namespace {

constexpr auto durations_counted = std::chrono::days{30};
constexpr auto audit_counted = std::chrono::hours{24};
constexpr int32_t days_max = 365;
constexpr int64_t micros_per_milli = 1'000'000;
constexpr size_t date_size = 10;

using counts = std::map<std::string, int64_t>;

/// @returns zero for each name from `first` to `last`.
template <class Status>
counts zeros(Status first, Status last) {
  counts result;
  for (auto i = first; i <= last;
       i = static_cast<Status>(static_cast<uint8_t>(i) + 1))
    result.emplace(to_string(i), 0);
  return result;
}

int64_t number(statement row) {
  row.step();
  return row.get<int64_t>(0);
}

void add_jobs(const view& in, store_metrics& x) {
  auto rows = in.db.query("SELECT status, count(*), sum(cost_micros) "
                          "FROM jobs INDEXED BY jobs_by_status "
                          "WHERE status <> '' GROUP BY status");
  while (rows.step()) {
    x.jobs_by_status[rows.get<std::string>(0)] = rows.get<int64_t>(1);
    x.cost_micros += rows.get<int64_t>(2);
  }
}

void add_counts(statement rows, counts& x) {
  while (rows.step())
    x[rows.get<std::string>(0)] = rows.get<int64_t>(1);
}

caf::optional<caf::timespan> mean_duration(const view& in) {
  auto row = in.db.query(
    "SELECT count(*), sum((completed_at - started_at) / 1000000) FROM jobs "
    "INDEXED BY jobs_over WHERE status IN ('completed', 'failed', 'cancelled') "
    "AND status = 'completed' AND completed_at >= ?1 "
    "AND completed_at >= started_at",
    in.now - durations_counted);
  row.step();
  if (row.get<int64_t>(0) == 0)
    return caf::none;
  return caf::timespan{row.get<int64_t>(1) / row.get<int64_t>(0)
                       * micros_per_milli};
}

} // namespace

caf::expected<store_metrics> look_up(const view& in,
                                     const get_store_metrics& query) {
  store_metrics x{query.ctx};
  x.jobs_by_status = zeros(job_status::pending, job_status::cancelled);
  x.queue_by_status = zeros(queue_status::pending, queue_status::blocked);
  x.approvals_by_status
    = zeros(approval_status::pending, approval_status::cancelled);
  add_jobs(in, x);
  add_counts(in.db.query("SELECT queue, count(*) FROM jobs GROUP BY queue"),
             x.queue_by_status);
  add_counts(
    in.db.query("SELECT status, count(*) FROM approvals GROUP BY status"),
    x.approvals_by_status);
  x.average_duration = mean_duration(in);
  x.audit_entries = number(in.db.query("SELECT count(*) FROM audit"));
  x.audit_entries_24h = number(in.db.query(
    "SELECT count(*) FROM audit WHERE time >= ?1", in.now - audit_counted));
  counts open;
  add_counts(in.db.query("SELECT state, count(*) FROM attempts "
                         "WHERE closed_at IS NULL GROUP BY state"),
             open);
  x.attempts_in_doubt = open["in_doubt"];
  x.attempts_unresolved = open["unresolved"];
  auto oldest
    = in.db.query("SELECT min(queued_at) FROM jobs INDEXED BY jobs_waiting "
                  "WHERE queue = 'pending'");
  oldest.step();
  if (auto since = oldest.find<timestamp>(0))
    x.longest_wait = in.now - *since;
  x.event_head = event_log{in.db}.head();
  x.costs = in.costs != nullptr ? sum_all_costs(in.db, in.now, *in.costs)
                                : sum_costs(in.db, caller{}, in.now);
  return x;
}

caf::expected<cost_report> look_up(const view& in,
                                   const get_cost_report& query) {
  if (query.days < 1 || query.days > days_max)
    return invalid("days: want 1 to 365");
  auto rows = in.db.query(
    "SELECT created_at / 86400000000000 AS day, status, count(*), "
    "sum(cost_micros), sum(CASE WHEN status = 'completed' AND completed_at "
    ">= started_at THEN (completed_at - started_at) / 1000000 END), "
    "count(CASE WHEN status = 'completed' AND completed_at >= started_at "
    "THEN 1 END) FROM jobs WHERE "
      + visible_to(query.who) + " AND created_at >= ?3 GROUP BY day, status",
    query.who.user_id, query.who.org_id,
    in.now - std::chrono::days{query.days});
  cost_report result{query.ctx};
  result.jobs_by_status = zeros(job_status::pending, job_status::cancelled);
  int64_t millis = 0;
  int64_t completed = 0;
  while (rows.step()) {
    const timestamp day{std::chrono::days{rows.get<int64_t>(0)}};
    result.jobs_by_status[rows.get<std::string>(1)] += rows.get<int64_t>(2);
    result.job_count += rows.get<int64_t>(2);
    if (const auto cost = rows.get<int64_t>(3)) {
      result.cost_micros += cost;
      result.cost_by_day[utc_text(day).substr(0, date_size)] += cost;
    }
    millis += rows.get<int64_t>(4);
    completed += rows.get<int64_t>(5);
  }
  if (completed > 0)
    result.average_duration
      = caf::timespan{millis / completed * micros_per_milli};
  return result;
}

} // namespace tunerd::sql
