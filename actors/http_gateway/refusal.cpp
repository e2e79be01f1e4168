#include "actors/http_gateway/refusal.hpp"

#include <nlohmann/json.hpp>

namespace tunerd::rest {

namespace {

using nlohmann::ordered_json;

/// The text that came with `err`, without the name of its code.
std::string text_of(const caf::error& err) {
  auto text = render(err);
  const auto name = to_string(code_of(err));
  if (text == name)
    return text;
  const auto prefix = name + ": ";
  return cut(text.starts_with(prefix) ? text.substr(prefix.size()) : text,
             1000);
}

ordered_json details_of(const refusal& x) {
  if (!x.field.empty())
    return {{"field", x.field}};
  if (x.line > 0)
    return {{"line", x.line}, {"column", x.column}, {"byte", x.byte}};
  return {};
}

} // namespace

std::string cut(std::string text, size_t bytes_max) {
  if (text.size() > bytes_max)
    text.resize(bytes_max);
  return text;
}

refusal invalid(const std::string& field, const std::string& want) {
  return {.message = field + ": " + want, .field = field};
}

refusal unavailable(std::string message) {
  return {.status = 503,
          .error = "service_unavailable",
          .message = std::move(message),
          .retry_after_seconds = 1};
}

refusal refusal_of(const caf::error& err, const std::string& on_conflict) {
  const auto make = [&err](int status, const char* code, int retry = 0) {
    return refusal{.status = status,
                   .error = code,
                   .message = text_of(err),
                   .retry_after_seconds = retry};
  };
  switch (code_of(err)) {
    case ec::invalid_config: return make(500, "configuration_error");
    case ec::validation_error: return make(400, "validation_error");
    case ec::unknown_provider: return make(400, "validation_error");
    case ec::job_not_found: return make(404, "job_not_found");
    case ec::conflict: return make(409, on_conflict.c_str());
    case ec::permission_denied: return make(403, "permission_denied");
    case ec::database_error:
      return {.status = 500,
              .error = "database_error",
              .message = "the database could not do it; nothing has changed"};
    case ec::no_such_provider_job: return make(502, "provider_error");
    case ec::provider_error: return make(502, "provider_api_error");
    case ec::provider_timeout: return make(502, "provider_timeout");
    case ec::provider_throttled: return make(503, "provider_unavailable", 30);
    case ec::provider_unavailable: return make(503, "provider_unavailable", 60);
    case ec::overloaded: return unavailable("too much to do, try again");
    case ec::not_found: return make(404, "not_found");
    case ec::cost_limit_exceeded: return make(429, "cost_limit_exceeded");
    case ec::invalid_signature: return make(401, "invalid_signature");
    case ec::ip_not_allowed: return make(403, "ip_not_allowed");
    case ec::worker_restarting: break;
  }
  return unavailable("no answer in time; whether it was done is not known");
}

http_reply to_reply(const refusal& x, const std::string& correlation_id) {
  ordered_json body
    = {{"error", x.error}, {"message", x.message}, {"detail", x.message}};
  if (auto details = details_of(x); !details.is_null())
    body["details"] = std::move(details);
  auto reply = to_reply(body, x.status, correlation_id);
  if (x.retry_after_seconds > 0)
    reply.headers.emplace_back("Retry-After",
                               std::to_string(x.retry_after_seconds));
  if (x.status == 401)
    reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (!x.allow.empty())
    reply.headers.emplace_back("Allow", x.allow);
  return reply;
}

http_reply to_reply(const ordered_json& body, int status,
                    const std::string& correlation_id) {
  return {.status = status,
          .body
          = body.dump(-1, ' ', false, ordered_json::error_handler_t::replace),
          .headers = {{"X-Correlation-ID", correlation_id}}};
}

} // namespace tunerd::rest
