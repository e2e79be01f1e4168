#include "actors/store/approval_table.hpp"
#include "actors/store/cost_table.hpp"
#include "actors/store/queries.hpp"
#include "actors/store/refusals.hpp"
#include "actors/store/rule_table.hpp"

// What is asked about approvals and cost limits.

namespace tunerd::sql {

caf::expected<rule_found> look_up(const view& in, const get_rule& query) {
  auto found = rule_table{in.db}.find(query.rule_id);
  if (!found)
    return no_such_rule(query.rule_id);
  return rule_found{query.ctx, std::move(*found)};
}

caf::expected<rule_list> look_up(const view& in, const list_rules& query) {
  return rule_list{query.ctx, rule_table{in.db}.list(query.active_only)};
}

caf::expected<approval_found> look_up(const view& in,
                                      const get_approval& query) {
  approval_table approvals{in.db};
  auto found = query.approval_id != 0 ? approvals.find(query.approval_id)
                                      : approvals.find_newest(query.job_id);
  if (!found)
    return query.approval_id != 0
             ? no_such_approval(query.approval_id)
             : make_error(ec::not_found,
                          "job " + query.job_id + " has no approval request");
  if (!may_see(query.who, found->user_id, found->org_id))
    return approval_not_allowed(found->id);
  return approval_found{query.ctx, std::move(*found)};
}

caf::expected<approval_list> look_up(const view& in,
                                     const list_approvals& query) {
  auto result = approval_table{in.db}.list(query);
  result.ctx = query.ctx;
  return result;
}

caf::expected<cost_limit_status> look_up(const view& in,
                                         const get_cost_limit& query) {
  cost_table costs{in.db};
  const auto limit = costs.limit_of(query.provider);
  const auto spent = costs.spent(query.provider, in.now - span_of(limit));
  auto result = status_of(limit, spent);
  result.ctx = query.ctx;
  return result;
}

} // namespace tunerd::sql
