#pragma once

#include "messages/jobs.hpp"
#include "messages/metrics.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

// What people see and change of the queue.

namespace tunerd {

/// Command to the store: take a job out of the queue that is blocked or waits
/// for a slot, else `conflict`. Its owner (a researcher at least) or an admin
/// may. Answered with `job_found`.
struct cancel_queued_job {
  context ctx;
  caller who;
  std::string job_id;
};

/// Command, leads that see the job: set (0-50) or (none) unset the priority of
/// a job that is blocked, pending or ready, else `conflict`.
struct set_priority {
  context ctx;
  caller who;
  std::string job_id;
  caf::optional<int32_t> priority = caf::none;
};

/// Answer to `set_priority`.
struct priority_set {
  context ctx;
  job before;
  job subject = {};
};

/// Query: what one user has in the queue, as far as `who` may see it.
struct get_user_queue {
  context ctx;
  caller who;
  std::string user_id;
};

/// Answer to `get_user_queue`.
struct user_queue {
  context ctx;
  int64_t pending_count = 0;
  int64_t running_count = 0;
  int64_t blocked_count = 0;
  /// The first ten, in order of priority and time.
  std::vector<job> pending = {};
  std::vector<job> running = {};
};

/// Command, admins only: take entries out of the queue's lists that ended more
/// than `days` (1-365) ago. The jobs stay.
struct clean_queue {
  context ctx;
  caller who;
  int32_t days = 30;
};

/// Answer to `clean_queue`.
struct queue_cleaned {
  context ctx;
  int64_t deleted = 0;
};

/// Query to the scheduler: why does this job not run? Any job; visibility is
/// the caller's business.
struct explain_job {
  context ctx;
  std::string job_id;
};

/// One thing that keeps a job from running.
struct queue_constraint {
  /// "approval", "not_before", "provider_unavailable", "submissions" (as many
  /// as may be under way are), "in_doubt", "unresolved", "limit" or "turn"
  /// (others go first).
  std::string kind;
  /// Of a limit: "global", "user", "team", "org" or "provider". Of what a
  /// provider does: its name.
  std::string scope = {};
  /// 0 if it has none.
  int64_t limit = 0;
  int64_t used = 0;
  /// Jobs that hold the slots; at most 100.
  std::vector<std::string> holders = {};
  /// Nothing changes before this time; none if that is not known.
  caf::optional<timestamp> until = caf::none;
};

/// Answer to `explain_job`.
struct job_explained {
  context ctx;
  /// 1 = next; none unless it waits for a slot.
  caf::optional<int64_t> position = caf::none;
  /// The nearest first; empty: nothing keeps it.
  std::vector<queue_constraint> constraints = {};
  /// None if there is nothing to estimate from.
  caf::optional<caf::timespan> estimated_wait = caf::none;
};

/// Query: the queue as people see it.
struct list_queue {
  context ctx;
  caller who;
  caf::optional<queue_status> status = caf::none;
  bool include_completed = false;
  /// 1-200.
  int32_t limit = 50;
  int64_t offset = 0;
};

/// Answer to `list_queue`.
struct queue_page {
  context ctx;
  std::vector<job> entries;
  int64_t total_pending = 0;
  int64_t total_running = 0;
};

/// Query: counts over the whole queue, costs as far as `who` sees the jobs.
struct get_queue_stats {
  context ctx;
  caller who = {};
};

/// Answer to `get_queue_stats`.
struct queue_stats {
  context ctx;
  std::map<std::string, int64_t> by_status = {};
  /// Active entries by user id.
  std::map<std::string, int64_t> by_user = {};
  /// Mean wait of what was claimed in the last 24 h; none if nothing was.
  caf::optional<caf::timespan> average_wait = caf::none;
  cost_sums costs = {};
};

/// Query to the scheduler: places in the queue, 1 = next. Answered once its
/// index contains the event `event_id` (0: at once).
struct get_queue_positions {
  context ctx;
  std::vector<std::string> job_ids;
  int64_t event_id = 0;
};

/// Answer to `get_queue_positions`; only pending jobs have a place.
struct queue_positions {
  context ctx;
  std::map<std::string, int64_t> positions = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cancel_queued_job& x) {
  return f(caf::meta::type_name("cancel_queued_job"), x.ctx, x.who, x.job_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, set_priority& x) {
  return f(caf::meta::type_name("set_priority"), x.ctx, x.who, x.job_id,
           x.priority);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, priority_set& x) {
  return f(caf::meta::type_name("priority_set"), x.ctx, x.before, x.subject);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_user_queue& x) {
  return f(caf::meta::type_name("get_user_queue"), x.ctx, x.who, x.user_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, user_queue& x) {
  return f(caf::meta::type_name("user_queue"), x.ctx, x.pending_count,
           x.running_count, x.blocked_count, x.pending, x.running);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, clean_queue& x) {
  return f(caf::meta::type_name("clean_queue"), x.ctx, x.who, x.days);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_cleaned& x) {
  return f(caf::meta::type_name("queue_cleaned"), x.ctx, x.deleted);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, explain_job& x) {
  return f(caf::meta::type_name("explain_job"), x.ctx, x.job_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_constraint& x) {
  return f(caf::meta::type_name("queue_constraint"), x.kind, x.scope, x.limit,
           x.used, x.holders, x.until);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, job_explained& x) {
  return f(caf::meta::type_name("job_explained"), x.ctx, x.position,
           x.constraints, x.estimated_wait);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_queue& x) {
  return f(caf::meta::type_name("list_queue"), x.ctx, x.who, x.status,
           x.include_completed, x.limit, x.offset);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_page& x) {
  return f(caf::meta::type_name("queue_page"), x.ctx, x.entries,
           x.total_pending, x.total_running);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_queue_stats& x) {
  return f(caf::meta::type_name("get_queue_stats"), x.ctx, x.who);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_stats& x) {
  return f(caf::meta::type_name("queue_stats"), x.ctx, x.by_status, x.by_user,
           x.average_wait, x.costs);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_queue_positions& x) {
  return f(caf::meta::type_name("get_queue_positions"), x.ctx, x.job_ids,
           x.event_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_positions& x) {
  return f(caf::meta::type_name("queue_positions"), x.ctx, x.positions);
}

} // namespace tunerd
