#include "actors/http_gateway/metrics_page.hpp"

#include "actors/http_gateway/health_report.hpp"
#include "actors/http_gateway/metrics_text.hpp"
#include "messages/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace tunerd {

namespace {

constexpr size_t date_size = 10;

double seconds_of(caf::timespan span) {
  return std::chrono::duration<double>(span).count();
}

double milliseconds_of(caf::timespan span) {
  return std::chrono::duration<double, std::milli>(span).count();
}

double usd_of(int64_t micros) {
  return static_cast<double>(micros) / 1e6;
}

/// A family with one sample per entry.
template <class T>
void labelled(metrics_text& out, const char* name, const char* type,
              const char* help, const char* label,
              const std::map<std::string, T>& values) {
  if (values.empty())
    return;
  out.family(name, type, help);
  for (const auto& [value, count] : values)
    out.sample(label, value, count);
}

int64_t sum_of(const std::map<std::string, int64_t>& counts) {
  int64_t sum = 0;
  for (const auto& [name, count] : counts)
    sum += count;
  return sum;
}

int64_t count_of(const std::map<std::string, int64_t>& counts,
                 const std::string& name) {
  const auto i = counts.find(name);
  return i == counts.end() ? 0 : i->second;
}

void add_health(metrics_text& out, const survey& seen) {
  if (seen.database)
    out.gauge("simpletuner_health_database_latency_ms",
              "Time the database took to answer",
              milliseconds_of(*seen.database));
  out.family("simpletuner_health_component_status", "gauge",
             "1 healthy, 0.5 degraded, 0 unhealthy");
  for (const auto& x : components_json(seen)) {
    const auto status = x["status"].get<std::string>();
    out.sample("component", x["name"].get<std::string>(),
               status == "healthy"    ? 1.
               : status == "degraded" ? 0.5
                                      : 0.);
  }
}

void add_jobs(metrics_text& out, const store_metrics& x) {
  int64_t active = 0;
  for (const auto* status : {"pending", "uploading", "queued", "running"})
    active += count_of(x.jobs_by_status, status);
  out.gauge("simpletuner_jobs_total", "Jobs that are stored",
            sum_of(x.jobs_by_status));
  labelled(out, "simpletuner_jobs_by_status", "gauge", "Jobs by status",
           "status", x.jobs_by_status);
  out.gauge("simpletuner_jobs_active", "Jobs that are not over", active);
  if (x.average_duration)
    out.gauge("simpletuner_job_duration_seconds_avg",
              "Mean duration of jobs completed in the last 30 days",
              seconds_of(*x.average_duration));
  for (const auto* name :
       {"simpletuner_cost_usd_total", "simpletuner_cost_total_usd"})
    out.gauge(name, "Cost of all stored jobs", usd_of(x.cost_micros));
}

std::map<std::string, double>
usd_by(const std::map<std::string, int64_t>& sums) {
  std::map<std::string, double> result;
  for (const auto& [name, micros] : sums)
    result.emplace(name, usd_of(micros));
  return result;
}

void add_cost_of_today(metrics_text& out, const cost_sums& x, timestamp now) {
  const auto today = utc_text(now).substr(0, date_size);
  out.gauge("tunerd_cost_usd_today",
            "Cost, or estimate, of the jobs created today (UTC)",
            usd_of(count_of(x.by_day, today)));
}

void add_costs(metrics_text& out, const cost_sums& x) {
  labelled(out, "tunerd_cost_usd_by_user", "gauge",
           "Cost, or estimate, of the jobs of the last 30 days, of the 100 "
           "users with the most",
           "user", usd_by(x.by_user));
  labelled(out, "tunerd_cost_usd_by_org", "gauge",
           "Cost, or estimate, of the jobs of the last 30 days, of the 100 "
           "organisations with the most",
           "org", usd_by(x.by_org));
}

void add_approvals(metrics_text& out, const store_metrics& x) {
  out.gauge("simpletuner_approval_requests_pending",
            "Approval requests that wait for a decision",
            count_of(x.approvals_by_status, "pending"));
  labelled(out, "simpletuner_approval_requests_by_status", "gauge",
           "Approval requests by status", "status", x.approvals_by_status);
  out.gauge("simpletuner_audit_log_entries_total",
            "Lines of the audit log that are stored", x.audit_entries);
  out.gauge("simpletuner_audit_log_entries_24h",
            "Lines of the audit log of the last 24 hours", x.audit_entries_24h);
}

void add_store(metrics_text& out, const store_metrics& x,
               const metrics& counts) {
  add_jobs(out, x);
  add_approvals(out, x);
  labelled(out, "tunerd_queue_by_status", "gauge", "Queue entries by status",
           "status", x.queue_by_status);
  out.gauge("tunerd_queue_wait_seconds_max",
            "How long the oldest entry has waited for a slot",
            x.longest_wait ? seconds_of(*x.longest_wait) : 0.);
  out.gauge("tunerd_attempts_in_doubt", "Submissions in doubt now",
            x.attempts_in_doubt);
  out.gauge("tunerd_attempts_unresolved",
            "Submissions that only a person can settle now",
            x.attempts_unresolved);
  out.gauge("tunerd_event_head", "Id of the newest event", x.event_head);
  // Nothing was streamed before the first subscriber came: no lag.
  const auto streamed = counts.event_streamed.value();
  out.gauge("tunerd_event_lag", "Events that are stored and not yet streamed",
            streamed == 0 ? int64_t{0}
                          : std::max<int64_t>(x.event_head - streamed, 0));
}

void add_http(metrics_text& out,
              const std::vector<http_statistics::line>& lines) {
  out.family("simpletuner_http_requests_total", "counter",
             "Answered requests by route");
  for (const auto& x : lines)
    out.sample("endpoint", x.endpoint, x.calls);
  out.family("simpletuner_http_errors_total", "counter",
             "Answers from 400 on by route and status");
  for (const auto& x : lines)
    for (const auto& [status, count] : x.errors)
      out.sample("endpoint_status", x.endpoint + "_" + std::to_string(status),
                 count);
  out.family("simpletuner_http_request_latency_ms_avg", "gauge",
             "Mean time to the answer by route");
  for (const auto& x : lines)
    out.sample("endpoint", x.endpoint,
               milliseconds_of(x.took) / static_cast<double>(x.calls));
}

/// What is known of a provider's breakers together.
struct breaker_sums {
  /// The worst; -1 for unknown.
  int64_t state = -1;
  int64_t failures = 0;
  int64_t successes = 0;
};

void add_breakers(metrics_text& out, const survey& seen) {
  std::map<std::string, breaker_sums> by_provider;
  if (seen.providers)
    for (const auto& x : seen.providers->providers)
      by_provider[x.name] = {};
  static const std::vector<breaker_status> unknown;
  for (const auto& x : seen.breakers ? seen.breakers->breakers : unknown) {
    auto& sums = by_provider[x.provider.empty() ? x.name : x.provider];
    sums.state = std::max(sums.state, static_cast<int64_t>(x.phase));
    sums.failures += x.failures_total;
    sums.successes += x.successes_total;
  }
  if (by_provider.empty())
    return;
  out.family("simpletuner_circuit_breaker_state", "gauge",
             "0 closed, 1 half open, 2 open, -1 unknown");
  for (const auto& [provider, x] : by_provider)
    out.sample("provider", provider, x.state);
  out.family("simpletuner_circuit_breaker_failures_total", "counter",
             "Calls that counted as failures");
  for (const auto& [provider, x] : by_provider)
    out.sample("provider", provider, x.failures);
  out.family("simpletuner_circuit_breaker_successes_total", "counter",
             "Calls that counted as successes");
  for (const auto& [provider, x] : by_provider)
    out.sample("provider", provider, x.successes);
}

void add_cost_limits(metrics_text& out, const survey& seen) {
  std::map<std::string, double> used;
  for (const auto& [provider, x] : seen.cost_limits)
    if (const auto percent = percent_used(x))
      used.emplace(provider, *percent);
  labelled(out, "simpletuner_cost_limit_percent_used", "gauge",
           "Share of the cost limit that is used", "provider", used);
}

void add_polling(metrics_text& out, const survey& seen, const metrics& x) {
  if (seen.polling) {
    out.gauge("tunerd_polling_active", "1 if the poller polls",
              seen.polling->is_active ? 1 : 0);
    out.gauge("tunerd_poll_interval_seconds", "Time between two rounds",
              seen.polling->is_active ? seconds_of(seen.polling->interval)
                                      : 0.);
  }
  out.counter("tunerd_poll_cycles_total", "Rounds of polling",
              x.poll_cycles.value());
  out.counter("tunerd_polls_total", "Jobs that were asked about",
              x.polls.value());
  out.counter("tunerd_poll_failures_total", "Of those, without an answer",
              x.poll_failures.value());
  out.gauge("tunerd_poll_lag_ms", "How late the last round began",
            x.poll_lag_ms.value());
}

void add_workers(metrics_text& out, const survey& seen, const metrics& x) {
  out.counter("tunerd_restarts_total", "Restarts of all workers",
              x.worker_restarts.value());
  if (!seen.workers)
    return;
  out.family("tunerd_worker_running", "gauge", "1 if the worker runs");
  for (const auto& y : seen.workers->workers)
    out.sample("worker", y.name, y.phase == worker_phase::running ? 1 : 0);
  out.family("tunerd_worker_restarts_total", "counter",
             "Restarts of one worker");
  for (const auto& y : seen.workers->workers)
    out.sample("worker", y.name, y.restarts);
  out.family("tunerd_worker_mailbox_age_seconds", "gauge",
             "How long a message waits until the worker handles it");
  for (const auto& y : seen.workers->workers)
    out.sample("worker", y.name, seconds_of(y.mailbox_age));
}

/// What the workers count themselves.
void add_counts(metrics_text& out, const metrics& x) {
  out.counter("simpletuner_rate_limit_violations_total",
              "Calls refused with 429", x.rate_limit_violations.value());
  out.gauge("simpletuner_rate_limit_tracked_clients",
            "Clients whose calls are counted", x.rate_limit_clients.value());
  out.counter("tunerd_dispatches_total", "Jobs submitted to a provider",
              x.dispatches.value());
  out.counter("tunerd_dispatch_failures_total",
              "Submissions that were not accepted",
              x.dispatch_failures.value());
  out.counter("tunerd_claims_refused_total",
              "Claims that the stored limits refused",
              x.claims_refused.value());
  out.counter("tunerd_attempts_in_doubt_total",
              "Submissions that came to be in doubt",
              x.attempts_in_doubt.value());
  out.counter("tunerd_attempts_unresolved_total",
              "Submissions that came to need a person",
              x.attempts_unresolved.value());
  out.counter("tunerd_twins_found_total",
              "Submissions that arrived twice; the second is cancelled",
              x.twins_found.value());
  out.counter("tunerd_approval_sweeps_total", "Sweeps for late approvals",
              x.approval_sweeps.value());
  out.counter("tunerd_approvals_expired_total", "Approvals that expired",
              x.approvals_expired.value());
  out.counter("tunerd_approvals_warned_total",
              "Approvals whose deadline was announced",
              x.approvals_warned.value());
  out.gauge("tunerd_approval_lateness_ms",
            "How late the last expiry was noticed",
            x.approval_lateness_ms.value());
  out.gauge("tunerd_subscribers", "Open event streams", x.subscribers.value());
  out.counter("tunerd_subscribers_refused_total",
              "Event streams refused for a limit",
              x.subscribers_refused.value());
  out.counter("tunerd_subscribers_cut_total",
              "Event streams cut since nobody read", x.subscribers_cut.value());
  out.counter("tunerd_event_gaps_total", "Gaps sent to subscribers",
              x.gaps.value());
  out.counter("tunerd_provider_calls_total", "Calls to providers",
              x.provider_calls.value());
  out.counter("tunerd_provider_call_failures_total", "Of those, failed",
              x.provider_call_failures.value());
  out.counter("tunerd_provider_throttled_total", "Of those, answered 429",
              x.provider_throttled.value());
  out.counter("tunerd_webhooks_received_total", "Genuine webhooks",
              x.webhooks_received.value());
  out.counter("tunerd_webhooks_refused_total", "Other webhooks",
              x.webhooks_refused.value());
}

void add_log(metrics_text& out, const log_counters& x) {
  out.counter("tunerd_log_lines_total", "Lines written to the log", x.lines);
  out.counter("tunerd_log_dropped_total", "Lines that found no room",
              x.dropped);
  out.counter("tunerd_log_lost_total",
              "Lines that stdout or the file did not take", x.lost);
}

/// @param kind Of the budgets, see `provider_budget`.
void add_budget(metrics_text& out, const survey& seen, const std::string& kind,
                const std::string& name, const char* help) {
  out.family(name, "gauge", help);
  for (const auto& provider : seen.providers->providers)
    for (const auto& budget : provider.budgets)
      if (budget.kind == kind)
        out.sample("provider", provider.name, budget.left);
}

void add_budgets(metrics_text& out, const survey& seen) {
  if (!seen.providers)
    return;
  add_budget(out, seen, "create", "tunerd_provider_creates_left",
             "Submissions that the budget allows at once now");
  add_budget(out, seen, "other", "tunerd_provider_calls_left",
             "Other calls that the budget allows at once now");
  out.family("tunerd_provider_throttled_seconds", "gauge",
             "How long the provider still wants us to keep still");
  for (const auto& provider : seen.providers->providers) {
    caf::timespan longest{0};
    for (const auto& budget : provider.budgets)
      longest = std::max(longest, budget.throttled_for);
    out.sample("provider", provider.name, seconds_of(longest));
  }
}

} // namespace

std::string metrics_page(const metrics_view& x) {
  metrics_text out;
  out.gauge("simpletuner_uptime_seconds", "Time since the start",
            seconds_of(x.uptime));
  add_health(out, x.seen);
  if (x.seen.stored) {
    add_store(out, *x.seen.stored, x.counts);
    if (x.has_totals)
      add_cost_of_today(out, x.seen.stored->costs, x.now);
    add_costs(out, x.seen.stored->costs);
  }
  add_http(out, x.http);
  add_breakers(out, x.seen);
  add_budgets(out, x.seen);
  add_cost_limits(out, x.seen);
  add_polling(out, x.seen, x.counts);
  add_workers(out, x.seen, x.counts);
  add_counts(out, x.counts);
  add_log(out, x.log);
  return out.text();
}

} // namespace tunerd
