#pragma once

#include "actors/store/transaction.hpp"
#include "messages/approvals.hpp"
#include "messages/jobs.hpp"

#include <caf/expected.hpp>

namespace tunerd::sql {

/// What is decided about a submission before it is stored: what it may cost,
/// whether that fits, who must agree.
struct admission {
  caf::optional<int64_t> estimate_micros = caf::none;
  /// What the cost limit counts while the job is active.
  int64_t reserved_micros = 0;
  /// For people; empty if the cost limit is far.
  std::string cost_limit_warning = {};
  /// The request for approval that it needs, without id; none: it runs.
  caf::optional<approval> needed = caf::none;
};

/// Judges `command` by the cost limit and the approval rules as they are now;
/// writes nothing but log lines.
/// @returns `cost_limit_exceeded` if it is refused.
caf::expected<admission> admit(transaction& tx, const submit_job& command);

} // namespace tunerd::sql
