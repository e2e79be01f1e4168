#pragma once

#include "messages/approvals.hpp"
#include "messages/dispatch.hpp"
#include "messages/events.hpp"

#include <cstdint>
#include <string>
#include <vector>

// Who did what, and everything that is stored under one correlation id.

namespace tunerd {

/// One line of the audit log. Commands that change something for somebody
/// write theirs in their own transaction.
struct audit_entry {
  int64_t id = 0;
  timestamp time = {};
  /// Who did it.
  std::string user_id = {};
  /// Name of the token; empty for none.
  std::string token = {};
  /// E.g. "job.submit", "approval.approve", "limits.set".
  std::string action;
  /// What it was done to: a job id, a rule id, a setting's key.
  std::string subject = {};
  /// Org of the subject: its leads may see the entry.
  std::string org_id = {};
  /// For people; holds no secrets.
  std::string details = {};
  std::string correlation_id = {};
};

/// Command: note what was done and changed no row, e.g. a worker's stop. `id`
/// and `time` are set by the store.
struct append_audit {
  context ctx;
  audit_entry entry;
};

/// Answer to `append_audit`.
struct audit_appended {
  context ctx;
  int64_t id = 0;
};

/// One submission of a job, as a trace shows it.
struct attempt_trace {
  int64_t id = 0;
  std::string job_id;
  int32_t number = 0;
  attempt_state state = attempt_state::claimed;
  timestamp claimed_at = {};
  caf::optional<timestamp> closed_at = caf::none;
  std::string external_id = {};
};

/// Query: what is stored under one correlation id, as far as `who` may see it.
struct get_trace {
  context ctx;
  caller who;
  std::string correlation_id;
};

/// Answer to `get_trace`; each list in order of time, at most 1,000 entries.
struct trace_found {
  context ctx;
  std::vector<job> jobs = {};
  std::vector<attempt_trace> attempts = {};
  std::vector<approval> approvals = {};
  /// Internal ones too.
  std::vector<event> events = {};
  std::vector<audit_entry> audit = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, audit_entry& x) {
  return f(caf::meta::type_name("audit_entry"), x.id, x.time, x.user_id,
           x.token, x.action, x.subject, x.org_id, x.details, x.correlation_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, append_audit& x) {
  return f(caf::meta::type_name("append_audit"), x.ctx, x.entry);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, audit_appended& x) {
  return f(caf::meta::type_name("audit_appended"), x.ctx, x.id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, attempt_trace& x) {
  return f(caf::meta::type_name("attempt_trace"), x.id, x.job_id, x.number,
           x.state, x.claimed_at, x.closed_at, x.external_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_trace& x) {
  return f(caf::meta::type_name("get_trace"), x.ctx, x.who, x.correlation_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, trace_found& x) {
  return f(caf::meta::type_name("trace_found"), x.ctx, x.jobs, x.attempts,
           x.approvals, x.events, x.audit);
}

} // namespace tunerd
