#include "actors/http_gateway/routes.hpp"

#include <algorithm>

namespace tunerd::rest {

namespace {

using parameters = std::map<std::string, std::string>;

/// @returns whether `path` has the form of `form`; fills `values` then.
bool matches(std::string_view form, const std::vector<std::string>& path,
             parameters& values) {
  values.clear();
  for (const auto& segment : path) {
    if (form.empty())
      return false;
    form.remove_prefix(1); // the slash
    const auto part = form.substr(0, form.find('/'));
    form.remove_prefix(part.size());
    if (!part.starts_with('{') ? part != segment : segment.empty())
      return false;
    if (part.starts_with('{'))
      values.emplace(part.substr(1, part.size() - 2), segment);
  }
  return form.empty() || form == "/"; // nothing but the root ends so
}

} // namespace

const std::vector<route>& routes() {
  using enum caller_level;
  using enum endpoint;
  static const std::vector<route> table{
    {"GET", "/api/cloud/jobs", list_jobs},
    {"POST", "/api/cloud/jobs/submit", submit_job, researcher},
    {"POST", "/api/cloud/jobs/sync", sync_jobs, lead},
    {"GET", "/api/cloud/jobs/{id}", get_job},
    {"DELETE", "/api/cloud/jobs/{id}", delete_job, researcher},
    {"POST", "/api/cloud/jobs/{id}/cancel", cancel_job, researcher},
    {"GET", "/api/cloud/jobs/{id}/logs", job_logs},
    {"GET", "/api/cloud/jobs/{id}/logs/stream", stream_logs},
    {"GET", "/api/cloud/jobs/{id}/inline-progress", job_progress},
    {"GET", "/api/queue", list_queue},
    {"GET", "/api/queue/stats", queue_stats},
    {"GET", "/api/queue/me", own_queue},
    {"GET", "/api/queue/user/{id}", user_queue, lead},
    {"GET", "/api/queue/position/{job}", queue_position},
    {"GET", "/api/queue/why/{job}", explain_job},
    {"GET", "/api/queue/concurrency", get_limits},
    {"POST", "/api/queue/concurrency", set_limits, admin},
    {"POST", "/api/queue/process", process_queue, admin},
    {"POST", "/api/queue/cleanup", clean_queue, admin},
    {"POST", "/api/queue/{job}/cancel", cancel_queued, researcher},
    {"POST", "/api/queue/{job}/approve", approve_queued, lead},
    {"POST", "/api/queue/{job}/reject", reject_queued, lead},
    {"POST", "/api/queue/{job}/priority", set_priority, lead},
    {"GET", "/api/approvals/conditions", list_conditions, lead},
    {"GET", "/api/approvals/rules", list_rules, lead},
    {"POST", "/api/approvals/rules", create_rule, admin},
    {"GET", "/api/approvals/rules/{rule}", get_rule, lead},
    {"PATCH", "/api/approvals/rules/{rule}", change_rule, admin},
    {"DELETE", "/api/approvals/rules/{rule}", delete_rule, admin},
    {"GET", "/api/approvals/requests", list_approvals, lead},
    {"GET", "/api/approvals/requests/pending/count", count_approvals, lead},
    {"GET", "/api/approvals/requests/job/{job}", get_job_approval},
    {"GET", "/api/approvals/requests/{request}", get_approval},
    {"POST", "/api/approvals/requests/bulk-approve", bulk_approve, lead},
    {"POST", "/api/approvals/requests/bulk-reject", bulk_reject, lead},
    {"POST", "/api/approvals/requests/{request}/approve", approve, lead},
    {"POST", "/api/approvals/requests/{request}/reject", reject, lead},
    {"POST", "/api/approvals/requests/{request}/cancel", cancel_approval},
    {"POST", "/api/approvals/requests/{request}/extend", extend_approval, lead},
    {"GET", "/api/approvals/me", own_approvals},
    {"POST", "/api/approvals/expire", expire_approvals, lead},
    {"GET", "/api/cloud/polling/status", polling_status},
    {"PUT", "/api/cloud/polling/setting", set_polling, admin},
    {"GET", "/api/cloud/providers", list_providers},
    {"GET", "/api/cloud/providers/{provider}/validate", validate_provider,
     lead},
    {"GET", "/api/cloud/providers/{provider}/config", get_provider_config,
     lead},
    {"PUT", "/api/cloud/providers/{provider}/config", set_provider_config,
     admin},
    {"PUT", "/api/cloud/providers/{provider}", set_provider_config, admin},
    {"GET", "/api/cloud/metrics/cost-limit", cost_limit},
    {"GET", "/api/cloud/metrics/cost-limit-status", cost_limit},
    {"GET", "/api/metrics/cost-limit/status", cost_limit},
    {"POST", "/api/webhooks/test", test_webhook, admin},
    {"POST", "/api/webhooks/{provider}", webhook, std::nullopt},
    {"GET", "/api/events", events},
    {"GET", "/health", health_summary, std::nullopt},
    {"GET", "/health/live", alive, std::nullopt},
    {"GET", "/health/ready", ready, std::nullopt},
    {"GET", "/api/cloud/health", health, std::nullopt},
    {"GET", "/api/cloud/health/live", alive, std::nullopt},
    {"GET", "/api/cloud/health/ready", ready, std::nullopt},
    {"GET", "/api/cloud/metrics/prometheus", prometheus},
    {"GET", "/api/metrics/prometheus", prometheus},
    {"GET", "/metrics", prometheus},
    {"GET", "/api/cloud/circuit-breakers", breakers},
    {"GET", "/api/metrics/circuit-breakers", breakers},
    {"GET", "/api/metrics", cost_report, lead},
    {"GET", "/api/tunerd/workers", workers, admin},
    {"POST", "/api/tunerd/workers/{name}/start", start_worker, admin},
    {"POST", "/api/tunerd/workers/{name}/stop", stop_worker, admin},
    {"POST", "/api/tunerd/workers/{name}/refresh", refresh_worker, admin},
    {"POST", "/api/tunerd/jobs/{job}/resolve", resolve_attempt, admin},
    {"GET", "/api/tunerd/trace/{correlation_id}", trace, lead},
    {"GET", "/api/tunerd/log-level", log_level, admin},
    {"PUT", "/api/tunerd/log-level", set_log_level, admin},
    {"GET", "/", page_file, std::nullopt},
    {"HEAD", "/", page_file, std::nullopt},
    {"GET", "/assets/{name}", page_file, std::nullopt},
    {"HEAD", "/assets/{name}", page_file, std::nullopt},
    // Last: "jobs" is no provider.
    {"POST", "/api/cloud/{provider}/submit", submit_job, researcher},
  };
  return table;
}

or_refusal<matched> find_route(std::string_view method,
                               const std::vector<std::string>& path) {
  parameters values;
  std::string allow;
  for (const auto& line : routes()) {
    if (!matches(line.path, path, values))
      continue;
    if (line.method == method)
      return matched{line, std::move(values)};
    if (allow.find(line.method) == allow.npos)
      allow.append(allow.empty() ? "" : ", ").append(line.method);
  }
  if (allow.empty())
    return refusal{.status = 404,
                   .error = "not_found",
                   .message = "there is nothing at this path"};
  return refusal{.status = 405,
                 .error = "method_not_allowed",
                 .message = "this path has " + allow + " only",
                 .allow = std::move(allow)};
}

} // namespace tunerd::rest
