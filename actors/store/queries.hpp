#pragma once

#include "actors/store/connection.hpp"
#include "messages/approvals.hpp"
#include "messages/audit.hpp"
#include "messages/dispatch.hpp"
#include "messages/events.hpp"
#include "messages/jobs.hpp"
#include "messages/limits.hpp"
#include "messages/metrics.hpp"
#include "messages/progress.hpp"
#include "messages/queue.hpp"
#include "messages/settings.hpp"

#include <caf/expected.hpp>

// What the store answers to each query, one overload per query. Each wants one
// snapshot around it. All may throw database_error.

namespace tunerd::sql {

struct kept_costs;

/// What one query works with.
struct view {
  connection& db;
  timestamp now;
  /// For what is not stored.
  const queue_limits& limits_from_file;
  /// Where everybody's costs are kept for a moment; null to read them always.
  kept_costs* costs = nullptr;
};

caf::expected<job_found> look_up(const view& in, const get_job& query);
caf::expected<job_list> look_up(const view& in, const list_jobs& query);
caf::expected<job_list> look_up(const view& in, const list_active_jobs& query);

caf::expected<queue_snapshot> look_up(const view& in, const load_queue& query);
/// The same with at most `count` waiting jobs per page; the others come with
/// the first page.
caf::expected<queue_snapshot> load_page(const view& in, const load_queue& query,
                                        int64_t count);
caf::expected<queue_snapshot> look_up(const view& in,
                                      const reload_queue& query);
caf::expected<queue_page> look_up(const view& in, const list_queue& query);
caf::expected<queue_stats> look_up(const view& in,
                                   const get_queue_stats& query);
caf::expected<limits_in_force> look_up(const view& in, const get_limits& query);

caf::expected<job_logs_found> look_up(const view& in,
                                      const get_job_logs& query);
caf::expected<user_queue> look_up(const view& in, const get_user_queue& query);

caf::expected<rule_found> look_up(const view& in, const get_rule& query);
caf::expected<rule_list> look_up(const view& in, const list_rules& query);
caf::expected<approval_found> look_up(const view& in,
                                      const get_approval& query);
caf::expected<approval_list> look_up(const view& in,
                                     const list_approvals& query);

caf::expected<settings_found> look_up(const view& in,
                                      const get_settings& query);
caf::expected<trace_found> look_up(const view& in, const get_trace& query);
caf::expected<store_metrics> look_up(const view& in,
                                     const get_store_metrics& query);
caf::expected<cost_report> look_up(const view& in,
                                   const get_cost_report& query);
caf::expected<cost_limit_status> look_up(const view& in,
                                         const get_cost_limit& query);

caf::expected<event_page> look_up(const view& in, const read_events& query);

/// What `look_up` answers to a query.
template <class Query>
using found_by = typename decltype(look_up(
  std::declval<const view&>(), std::declval<const Query&>()))::value_type;

} // namespace tunerd::sql
