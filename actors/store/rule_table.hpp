#pragma once

#include "actors/store/connection.hpp"
#include "messages/approvals.hpp"

namespace tunerd::sql {

/// The table `approval_rules`. Rules that were deleted stay hidden in it,
/// since requests name them.
class rule_table {
public:
  explicit rule_table(connection& db) : db_(db) {
  }

  /// Stores a new rule; its id is ignored. @returns its id.
  int64_t insert(const approval_rule& x);

  /// @returns the rule, or none if it is hidden.
  caf::optional<approval_rule> find(int64_t id);

  /// Writes what can be changed of the rule with the id of `x`.
  void update(const approval_rule& x);

  void hide(int64_t id);

  /// @returns how many there are, those not active included.
  int64_t count();

  /// @returns them in the order in which they are tried.
  std::vector<approval_rule> list(bool active_only);

private:
  connection& db_;
};

} // namespace tunerd::sql
