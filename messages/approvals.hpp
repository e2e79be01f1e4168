#pragma once

#include "messages/jobs.hpp"

#include <cstdint>
#include <string>
#include <vector>

// Who must agree before a job runs (DESIGN 7, REFERENCE 1 and 2): the rules,
// the requests they cause, and what may be done with both.

namespace tunerd {

/// Where an approval request is; all but `pending` are final. Stored and shown
/// by name.
enum class approval_status : uint8_t {
  pending,
  approved,
  rejected,
  expired,
  cancelled,
};

std::string to_string(approval_status status);
caf::optional<approval_status> parse_approval_status(std::string_view text);

/// What makes a rule fire. Stored and shown by name.
enum class rule_condition : uint8_t {
  /// The estimate is above the threshold (USD) or unknown.
  cost_exceeds,
  /// Profile id or hardware name match the threshold (glob, any case).
  hardware_type,
  /// The provider is the threshold.
  provider,
  /// The caller's rank is below that of the threshold.
  user_level,
  /// Jobs of the user in 24 h, this one included, are more than the threshold.
  daily_jobs_exceed,
  /// The user has no earlier job.
  first_job,
  /// The name of the configuration matches: regex if the threshold begins with
  /// `^` or ends with `$`, else glob.
  config_pattern,
};

std::string to_string(rule_condition condition);
caf::optional<rule_condition> parse_rule_condition(std::string_view text);

/// One rule. Rules are tried by `priority` descending, then id; the first match
/// counts.
struct approval_rule {
  int64_t id = 0;
  std::string name;
  std::string description = {};
  rule_condition condition = rule_condition::cost_exceeds;
  /// As written; what it means depends on the condition.
  std::string threshold = {};
  bool is_active = true;
  int32_t priority = 0;
  /// Empty: any.
  std::string applies_to_provider = {};
  std::string applies_to_level = {};
  /// Names of levels that the rule does not bind.
  std::vector<std::string> exempt_levels = {};
  /// A name that is none means admin.
  std::string required_approver_level = "lead";
  /// How long its requests may wait; 0: as configured.
  int64_t deadline_seconds = 0;
  timestamp created_at = {};
  std::string created_by = {};
};

/// What somebody wants of a rule; what is none stays as it is (a new rule:
/// takes the default).
struct rule_changes {
  caf::optional<std::string> name = caf::none;
  caf::optional<std::string> description = caf::none;
  caf::optional<rule_condition> condition = caf::none;
  caf::optional<std::string> threshold = caf::none;
  caf::optional<bool> is_active = caf::none;
  caf::optional<int32_t> priority = caf::none;
  caf::optional<std::string> applies_to_provider = caf::none;
  caf::optional<std::string> applies_to_level = caf::none;
  caf::optional<std::vector<std::string>> exempt_levels = caf::none;
  caf::optional<std::string> required_approver_level = caf::none;
  caf::optional<int64_t> deadline_seconds = caf::none;
};

/// Command, admins only: store a new rule. `validation_error` names what is
/// missing or cannot be judged. Answered with `rule_found`.
struct create_rule {
  context ctx;
  caller who;
  rule_changes wanted;
};

/// Command, admins only: change a rule. `not_found`; `validation_error` as
/// above. Answered with `rule_found`.
struct change_rule {
  context ctx;
  caller who;
  int64_t rule_id = 0;
  rule_changes wanted = {};
};

/// Command, admins only: hide a rule for ever. `conflict` while one of its
/// requests is pending. Answered with `rule_found`.
struct delete_rule {
  context ctx;
  caller who;
  int64_t rule_id = 0;
};

/// Query: one rule; `not_found` if it is hidden.
struct get_rule {
  context ctx;
  int64_t rule_id = 0;
};

/// Answer to those.
struct rule_found {
  context ctx;
  approval_rule subject;
};

/// Query: the rules in the order in which they are tried.
struct list_rules {
  context ctx;
  bool active_only = false;
};

/// Answer to `list_rules`.
struct rule_list {
  context ctx;
  std::vector<approval_rule> rules = {};
};

/// One request for approval. Its job has at most one pending.
struct approval {
  int64_t id = 0;
  std::string job_id;
  /// Whose job it is.
  std::string user_id = {};
  std::string org_id = {};
  /// 0: the submission itself asked for it.
  int64_t rule_id = 0;
  approval_status status = approval_status::pending;
  /// Why approval is needed.
  std::string reason = {};
  std::string provider = {};
  std::string config_name = {};
  caf::optional<int64_t> estimated_cost_micros = caf::none;
  std::string hardware_type = {};
  /// Who may decide it.
  caller_level required_level = caller_level::lead;
  std::string reviewed_by = {};
  caf::optional<timestamp> reviewed_at = caf::none;
  std::string review_notes = {};
  timestamp created_at = {};
  /// None: never.
  caf::optional<timestamp> expires_at = caf::none;
  std::string correlation_id = {};
};

/// What can be said about a request.
enum class approval_verdict : uint8_t { approve, reject, cancel };

/// Command: decide a pending request before its deadline. Approving and
/// rejecting take a lead that sees the job and has the required level, and is
/// not the requester unless it has no token; cancelling takes the requester or
/// who may approve. `not_found`, `permission_denied`, `conflict` (decided
/// already, or late: the text says by how much), `validation_error` (no reason
/// to reject).
struct decide_approval {
  context ctx;
  caller who;
  /// 0: the pending request of `job_id`; none is a `conflict`.
  int64_t approval_id = 0;
  std::string job_id = {};
  approval_verdict verdict = approval_verdict::approve;
  /// Notes, or the reason of a rejection; at most 1,000 characters.
  std::string text = {};
};

/// Answer to `decide_approval`: committed, with its job.
struct approval_decided {
  context ctx;
  approval subject;
  job subject_job = {};
};

/// Command: move the deadline of a pending request to `extension` from now, if
/// that is later. Errors as above; `conflict` if it has none. Answered with
/// `approval_found`.
struct extend_approval {
  context ctx;
  caller who;
  int64_t approval_id = 0;
  caf::timespan extension = std::chrono::hours{1};
};

/// Query: one request, by id or, if that is 0, the newest one of a job.
/// `not_found`, `permission_denied`.
struct get_approval {
  context ctx;
  caller who;
  int64_t approval_id = 0;
  std::string job_id = {};
};

/// Answer to both.
struct approval_found {
  context ctx;
  approval subject;
};

/// Query: requests that `who` may see, newest first.
struct list_approvals {
  context ctx;
  caller who;
  caf::optional<approval_status> status = caf::none;
  /// Only those of the caller's own jobs.
  bool own_only = false;
  /// 1-200.
  int32_t limit = 50;
  int64_t offset = 0;
};

/// Answer to `list_approvals`.
struct approval_list {
  context ctx;
  std::vector<approval> requests = {};
  /// Pending ones among all that `who` may see.
  int64_t pending_count = 0;
};

/// Command: expire what is due and warn about what will be soon, at most
/// `batch_max` requests of each, in one transaction with their jobs.
struct sweep_approvals {
  context ctx;
  /// A request is warned about once, this long before its deadline.
  caf::timespan warn_before = std::chrono::hours{1};
  int32_t batch_max = 500;
};

/// Answer to `sweep_approvals`.
struct approvals_swept {
  context ctx;
  int64_t expired = 0;
  int64_t warned = 0;
  /// How late the latest of them was.
  caf::timespan worst_lateness = caf::timespan{0};
  /// More are due now: sweep again.
  bool more = false;
  /// From now until the next deadline or warning; none if there is none.
  caf::optional<caf::timespan> next_due = caf::none;
};

/// Command to the expirer: sweep now, until nothing is due. Answered with
/// `approvals_swept` for all of it.
struct expire_approvals {
  context ctx;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, approval_rule& x) {
  return f(caf::meta::type_name("approval_rule"), x.id, x.name, x.description,
           x.condition, x.threshold, x.is_active, x.priority,
           x.applies_to_provider, x.applies_to_level, x.exempt_levels,
           x.required_approver_level, x.deadline_seconds, x.created_at,
           x.created_by);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, rule_changes& x) {
  return f(caf::meta::type_name("rule_changes"), x.name, x.description,
           x.condition, x.threshold, x.is_active, x.priority,
           x.applies_to_provider, x.applies_to_level, x.exempt_levels,
           x.required_approver_level, x.deadline_seconds);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, create_rule& x) {
  return f(caf::meta::type_name("create_rule"), x.ctx, x.who, x.wanted);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, change_rule& x) {
  return f(caf::meta::type_name("change_rule"), x.ctx, x.who, x.rule_id,
           x.wanted);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, delete_rule& x) {
  return f(caf::meta::type_name("delete_rule"), x.ctx, x.who, x.rule_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_rule& x) {
  return f(caf::meta::type_name("get_rule"), x.ctx, x.rule_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, rule_found& x) {
  return f(caf::meta::type_name("rule_found"), x.ctx, x.subject);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_rules& x) {
  return f(caf::meta::type_name("list_rules"), x.ctx, x.active_only);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, rule_list& x) {
  return f(caf::meta::type_name("rule_list"), x.ctx, x.rules);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, approval& x) {
  return f(caf::meta::type_name("approval"), x.id, x.job_id, x.user_id,
           x.org_id, x.rule_id, x.status, x.reason, x.provider, x.config_name,
           x.estimated_cost_micros, x.hardware_type, x.required_level,
           x.reviewed_by, x.reviewed_at, x.review_notes, x.created_at,
           x.expires_at, x.correlation_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, decide_approval& x) {
  return f(caf::meta::type_name("decide_approval"), x.ctx, x.who, x.approval_id,
           x.job_id, x.verdict, x.text);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, approval_decided& x) {
  return f(caf::meta::type_name("approval_decided"), x.ctx, x.subject,
           x.subject_job);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, extend_approval& x) {
  return f(caf::meta::type_name("extend_approval"), x.ctx, x.who, x.approval_id,
           x.extension);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_approval& x) {
  return f(caf::meta::type_name("get_approval"), x.ctx, x.who, x.approval_id,
           x.job_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, approval_found& x) {
  return f(caf::meta::type_name("approval_found"), x.ctx, x.subject);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_approvals& x) {
  return f(caf::meta::type_name("list_approvals"), x.ctx, x.who, x.status,
           x.own_only, x.limit, x.offset);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, approval_list& x) {
  return f(caf::meta::type_name("approval_list"), x.ctx, x.requests,
           x.pending_count);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, sweep_approvals& x) {
  return f(caf::meta::type_name("sweep_approvals"), x.ctx, x.warn_before,
           x.batch_max);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, approvals_swept& x) {
  return f(caf::meta::type_name("approvals_swept"), x.ctx, x.expired, x.warned,
           x.worst_lateness, x.more, x.next_due);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, expire_approvals& x) {
  return f(caf::meta::type_name("expire_approvals"), x.ctx);
}

} // namespace tunerd
