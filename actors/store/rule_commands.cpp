#include "actors/store/approval_rules.hpp"
#include "actors/store/approval_table.hpp"
#include "actors/store/commands.hpp"
#include "actors/store/refusals.hpp"
#include "actors/store/rule_table.hpp"

// How approval rules come, change and go.

namespace tunerd::sql {

namespace {

/// Bounds what every submission is compared with.
constexpr int64_t rules_max = 1'000;

/// @returns an error unless `who` may change rules.
caf::error check_rights(const caller& who) {
  if (who.level == caller_level::admin)
    return {};
  return make_error(ec::permission_denied, "approval rules are set by admins");
}

void audit(transaction& tx, const context& ctx, const caller& who,
           std::string action, const approval_rule& x) {
  tx.audit(ctx, who, std::move(action), std::to_string(x.id), {},
           x.name + ": " + to_string(x.condition) + " " + x.threshold
             + (x.is_active ? "" : " (inactive)"));
}

} // namespace

caf::expected<rule_found> run(transaction& tx, const create_rule& command) {
  if (auto err = check_rights(command.who))
    return err;
  auto rule = with_changes({}, command.wanted);
  if (auto err = check_new(rule, command.wanted))
    return err;
  rule_table rules{tx.db};
  if (rules.count() >= rules_max)
    return make_error(ec::conflict, "there are 1000 approval rules already");
  rule.created_at = tx.now;
  rule.created_by = command.who.user_id;
  rule.id = rules.insert(rule);
  audit(tx, command.ctx, command.who, "rule.create", rule);
  return rule_found{command.ctx, std::move(rule)};
}

caf::expected<rule_found> run(transaction& tx, const change_rule& command) {
  if (auto err = check_rights(command.who))
    return err;
  rule_table rules{tx.db};
  const auto before = rules.find(command.rule_id);
  if (!before)
    return no_such_rule(command.rule_id);
  auto after = with_changes(*before, command.wanted);
  if (auto err = check_changes(after, command.wanted))
    return err;
  rules.update(after);
  audit(tx, command.ctx, command.who, "rule.change", after);
  return rule_found{command.ctx, std::move(after)};
}

caf::expected<rule_found> run(transaction& tx, const delete_rule& command) {
  if (auto err = check_rights(command.who))
    return err;
  rule_table rules{tx.db};
  auto found = rules.find(command.rule_id);
  if (!found)
    return no_such_rule(command.rule_id);
  if (approval_table{tx.db}.has_pending(found->id))
    return make_error(ec::conflict, "requests of approval rule "
                                      + std::to_string(found->id)
                                      + " are pending");
  rules.hide(found->id);
  found->is_active = false;
  audit(tx, command.ctx, command.who, "rule.delete", *found);
  return rule_found{command.ctx, std::move(*found)};
}

} // namespace tunerd::sql
