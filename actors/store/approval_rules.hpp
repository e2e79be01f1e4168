#pragma once

#include "messages/approvals.hpp"
#include "messages/error.hpp"

#include <optional>

// Which rule stops a submission, and which rules can be stored (REFERENCE 1):
// decisions without a database or a clock.

namespace tunerd::sql {

/// What rules are asked about a submission.
struct submission_facts {
  std::string provider = {};
  /// Of who submits.
  caller_level level = caller_level::viewer;
  caf::optional<int64_t> estimate_micros = caf::none;
  std::string hardware_profile = {};
  std::string hardware_type = {};
  std::string config_name = {};
  /// Of the user in the last 24 hours, this one included.
  int64_t jobs_in_24h = 1;
  bool is_first_job = true;
};

/// A rule that stops a submission.
struct rule_match {
  approval_rule rule;
  /// For people, e.g. "estimated cost $12.50 exceeds $10.00".
  std::string why = {};
  /// False if it fired because its threshold cannot be read.
  bool is_judged = true;
};

/// @returns the first of `rules` that is active, applies and fires. What
/// cannot be judged fires.
/// @param rules In the order in which they are tried.
std::optional<rule_match> first_match(const std::vector<approval_rule>& rules,
                                      const submission_facts& facts);

/// @returns `rule` with what is wanted of it.
approval_rule with_changes(approval_rule rule, const rule_changes& wanted);

/// @returns what is wrong with those parts of `rule` that `wanted` sets, or
/// none; a `validation_error` that begins with the name of the field.
caf::error check_changes(const approval_rule& rule, const rule_changes& wanted);

/// @returns the same for a new rule, which must have a name and a condition.
caf::error check_new(const approval_rule& rule, const rule_changes& wanted);

/// @returns who may decide on requests of `rule`; admins if its text is none.
caller_level required_level(const approval_rule& rule);

} // namespace tunerd::sql
