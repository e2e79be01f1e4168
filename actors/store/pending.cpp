#include "actors/store/commands.hpp"
#include "actors/store/queries.hpp"
#include "messages/error.hpp"

// INTERIM: what is still to be built. Each definition leaves when its real one
// comes; the file goes with the last.

namespace tunerd::sql {

namespace {
caf::error pending() {
  return make_error(ec::overloaded, "not built yet");
}
} // namespace

caf::expected<rule_found> run(transaction&, const create_rule&) {
  return pending();
}

caf::expected<rule_found> run(transaction&, const change_rule&) {
  return pending();
}

caf::expected<rule_found> run(transaction&, const delete_rule&) {
  return pending();
}

caf::expected<approval_decided> run(transaction&, const decide_approval&) {
  return pending();
}

caf::expected<approval_found> run(transaction&, const extend_approval&) {
  return pending();
}

caf::expected<approvals_swept> run(transaction&, const sweep_approvals&) {
  return pending();
}

caf::expected<rule_found> look_up(const view&, const get_rule&) {
  return pending();
}

caf::expected<rule_list> look_up(const view&, const list_rules&) {
  return pending();
}

caf::expected<approval_found> look_up(const view&, const get_approval&) {
  return pending();
}

caf::expected<approval_list> look_up(const view&, const list_approvals&) {
  return pending();
}

caf::expected<cost_limit_status> look_up(const view&, const get_cost_limit&) {
  return pending();
}

} // namespace tunerd::sql
