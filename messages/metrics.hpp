#pragma once

#include "messages/callers.hpp"
#include "messages/context.hpp"

#include <caf/meta/type_name.hpp>
#include <caf/optional.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

// Sums over what is stored, for metrics and cost limits. Money is micro-USD.

namespace tunerd {

/// What jobs cost, in micro-USD: what the provider said, else the estimate.
struct cost_sums {
  /// Of the users and organisations with the highest sums, at most
  /// `cost_names_max` of each; jobs created in the last 30 days.
  std::map<std::string, int64_t> by_user = {};
  std::map<std::string, int64_t> by_org = {};
  /// "2024-01-15" (UTC) to the sum of the jobs created then; the last 30 days,
  /// days without costs are left out.
  std::map<std::string, int64_t> by_day = {};
};

constexpr size_t cost_names_max = 100;

/// Query: everything that a metrics page shows of the store.
struct get_store_metrics {
  context ctx;
};

/// Answer to `get_store_metrics`.
struct store_metrics {
  context ctx;
  /// Every status has an entry.
  std::map<std::string, int64_t> jobs_by_status = {};
  std::map<std::string, int64_t> queue_by_status = {};
  std::map<std::string, int64_t> approvals_by_status = {};
  /// Mean time from start to end of jobs that completed in the last 30 days.
  caf::optional<caf::timespan> average_duration = caf::none;
  int64_t cost_micros = 0;
  int64_t audit_entries = 0;
  int64_t audit_entries_24h = 0;
  int64_t attempts_in_doubt = 0;
  int64_t attempts_unresolved = 0;
  /// Age of the oldest entry that waits for a slot.
  caf::optional<caf::timespan> longest_wait = caf::none;
  /// Id of the newest event.
  int64_t event_head = 0;
  cost_sums costs = {};
};

/// Query: what jobs cost that were created in the last `days` days, as far as
/// `who` sees them.
struct get_cost_report {
  context ctx;
  caller who;
  /// 1-365.
  int32_t days = 30;
};

/// Answer to `get_cost_report`.
struct cost_report {
  context ctx;
  int64_t cost_micros = 0;
  int64_t job_count = 0;
  caf::optional<caf::timespan> average_duration = caf::none;
  std::map<std::string, int64_t> jobs_by_status = {};
  /// "2024-01-15" to micro-USD; days without costs are left out.
  std::map<std::string, int64_t> cost_by_day = {};
};

/// Query: how far the cost limit of a provider is used.
struct get_cost_limit {
  context ctx;
  std::string provider;
};

/// Answer to `get_cost_limit`. The limit is set by the provider's settings
/// `cost_limit_enabled`, `_amount`, `_period`, `_action`.
struct cost_limit_status {
  context ctx;
  bool enabled = false;
  int64_t limit_micros = 0;
  /// daily, weekly, monthly or yearly: the last 1, 7, 30, 365 days.
  std::string period = "monthly";
  /// block or warn.
  std::string action = "warn";
  /// Costs in the period and estimates of active jobs.
  int64_t spent_micros = 0;
  /// At 80 % of the limit, and above it.
  bool is_warning = false;
  bool is_exceeded = false;
  /// For people; empty if there is nothing to say.
  std::string message = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cost_sums& x) {
  return f(caf::meta::type_name("cost_sums"), x.by_user, x.by_org, x.by_day);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_store_metrics& x) {
  return f(caf::meta::type_name("get_store_metrics"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, store_metrics& x) {
  return f(caf::meta::type_name("store_metrics"), x.ctx, x.jobs_by_status,
           x.queue_by_status, x.approvals_by_status, x.average_duration,
           x.cost_micros, x.audit_entries, x.audit_entries_24h,
           x.attempts_in_doubt, x.attempts_unresolved, x.longest_wait,
           x.event_head, x.costs);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_cost_report& x) {
  return f(caf::meta::type_name("get_cost_report"), x.ctx, x.who, x.days);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cost_report& x) {
  return f(caf::meta::type_name("cost_report"), x.ctx, x.cost_micros,
           x.job_count, x.average_duration, x.jobs_by_status, x.cost_by_day);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_cost_limit& x) {
  return f(caf::meta::type_name("get_cost_limit"), x.ctx, x.provider);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cost_limit_status& x) {
  return f(caf::meta::type_name("cost_limit_status"), x.ctx, x.enabled,
           x.limit_micros, x.period, x.action, x.spent_micros, x.is_warning,
           x.is_exceeded, x.message);
}

} // namespace tunerd
