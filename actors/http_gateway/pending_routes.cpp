#include "actors/http_gateway/http_gateway.hpp"

#include <nlohmann/json.hpp>

// INTERIM: routes still to be built. Each definition leaves when its real one
// comes; the file goes with the last.

namespace tunerd {

void http_gateway_state::show_polling(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::change_polling(const call& x, const std::string&) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_providers(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::validate_credential(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_provider_config(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::change_provider_config(const call& x,
                                                const std::string&) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_cost_limit(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::send_webhook_test(const call& x, const std::string&) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::receive_webhook(const call& x, const std::string&) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_alive(const call& x) {
  answer(x, {{"status", "ok"}});
}

void http_gateway_state::show_prometheus(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_breakers(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_cost_report(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::start_worker(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::stop_worker(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::refresh_worker(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::resolve(const call& x, const std::string&) {
  refuse(x, rest::unavailable("not built yet"));
}

void http_gateway_state::show_trace(const call& x) {
  refuse(x, rest::unavailable("not built yet"));
}

} // namespace tunerd
