#pragma once

#include "actors/http_gateway/refusal.hpp"
#include "messages/callers.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tunerd::rest {

/// What a route leads to.
enum class endpoint : uint8_t {
  list_jobs,
  submit_job,
  sync_jobs,
  get_job,
  delete_job,
  cancel_job,
  job_logs,
  stream_logs,
  job_progress,
  list_queue,
  queue_stats,
  own_queue,
  user_queue,
  queue_position,
  explain_job,
  get_limits,
  set_limits,
  process_queue,
  clean_queue,
  cancel_queued,
  approve_queued,
  reject_queued,
  set_priority,
  list_conditions,
  list_rules,
  create_rule,
  get_rule,
  change_rule,
  delete_rule,
  list_approvals,
  count_approvals,
  get_job_approval,
  get_approval,
  bulk_approve,
  bulk_reject,
  approve,
  reject,
  cancel_approval,
  extend_approval,
  own_approvals,
  expire_approvals,
  polling_status,
  set_polling,
  list_providers,
  validate_provider,
  get_provider_config,
  set_provider_config,
  cost_limit,
  test_webhook,
  webhook,
  events,
  health_summary,
  alive,
  ready,
  health,
  prometheus,
  breakers,
  cost_report,
  workers,
  start_worker,
  stop_worker,
  refresh_worker,
  resolve_attempt,
  trace,
  log_level,
  set_log_level,
  page_file,
};

/// One line of the route table.
struct route {
  std::string_view method;
  /// Segments in braces match anything.
  std::string_view path;
  endpoint to;
  /// The lowest level that may call it; none: no token is needed.
  std::optional<caller_level> level = caller_level::viewer;
};

/// @returns the route table. Where two templates match, the first one counts.
const std::vector<route>& routes();

/// Where a request goes.
struct matched {
  route found;
  /// Values of the segments in braces.
  std::map<std::string, std::string> parameters = {};
};

/// @returns the route, 404 or 405.
or_refusal<matched> find_route(std::string_view method,
                               const std::vector<std::string>& path);

} // namespace tunerd::rest
