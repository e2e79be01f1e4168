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
  return form.empty();
}

} // namespace

const std::vector<route>& routes() {
  using enum caller_level;
  using enum endpoint;
  static const std::vector<route> table{
    {"POST", "/api/cloud/jobs/submit", submit_job, researcher},
    {"GET", "/api/cloud/jobs", list_jobs},
    {"GET", "/api/cloud/jobs/{id}", get_job},
    {"DELETE", "/api/cloud/jobs/{id}", delete_job, researcher},
    {"POST", "/api/cloud/jobs/{id}/cancel", cancel_job, researcher},
    {"GET", "/api/queue", list_queue},
    {"GET", "/api/queue/stats", queue_stats},
    {"GET", "/api/queue/concurrency", get_limits},
    {"POST", "/api/queue/concurrency", set_limits, admin},
    {"GET", "/api/events", events},
    {"GET", "/health", health_summary},
    {"GET", "/health/live", alive},
    {"GET", "/health/ready", ready},
    {"GET", "/api/cloud/health", health},
    {"GET", "/api/cloud/health/live", alive},
    {"GET", "/api/cloud/health/ready", ready},
    {"GET", "/api/tunerd/workers", workers, admin},
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
