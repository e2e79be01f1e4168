#include "actors/http_gateway/http_gateway.hpp"

#include <nlohmann/json.hpp>

// INTERIM: routes still to be built. Each definition leaves when its real one
// comes; the file goes with the last.

namespace tunerd {

void http_gateway_state::sync(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_logs(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::stream_logs(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_progress(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_own_queue(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_user_queue(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_position(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::explain(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::process(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::clean_up(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::cancel_queued(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::approve_queued(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::reject_queued(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::change_priority(const call& x, const std::string&) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_conditions(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_rules(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::add_rule(const call& x, const std::string&) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_rule(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::edit_rule(const call& x, const std::string&) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::remove_rule(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_approvals(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::count_approvals(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_job_approval(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_approval(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::bulk_approve(const call& x, const std::string&) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::bulk_reject(const call& x, const std::string&) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::approve(const call& x, const std::string&) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::reject(const call& x, const std::string&) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::cancel_approval(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::extend(const call& x, const std::string&) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_own_approvals(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::expire(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

} // namespace tunerd
