#include "messages/error.hpp"

#include <caf/sec.hpp>

namespace tunerd {

std::string to_string(ec code) {
  switch (code) {
    case ec::invalid_config: return "invalid_config";
    case ec::validation_error: return "validation_error";
    case ec::job_not_found: return "job_not_found";
    case ec::conflict: return "conflict";
    case ec::permission_denied: return "permission_denied";
    case ec::database_error: return "database_error";
    case ec::worker_restarting: return "worker_restarting";
    case ec::no_such_provider_job: return "no_such_provider_job";
    case ec::provider_error: return "provider_error";
    case ec::provider_timeout: return "provider_timeout";
    case ec::provider_throttled: return "provider_throttled";
    case ec::provider_unavailable: return "provider_unavailable";
    case ec::overloaded: return "overloaded";
    case ec::unknown_provider: return "unknown_provider";
    case ec::not_found: return "not_found";
    case ec::cost_limit_exceeded: return "cost_limit_exceeded";
    case ec::invalid_signature: return "invalid_signature";
    case ec::ip_not_allowed: return "ip_not_allowed";
  }
  return "unknown";
}

namespace {

bool is_ours(const caf::error& err) {
  return err && err.category() == caf::atom("tunerd");
}

/// @returns the text that came with `err`, or "".
std::string text_of(const caf::error& err) {
  const auto& details = err.context();
  return details.match_elements<std::string>() ? details.get_as<std::string>(0)
                                               : std::string{};
}

} // namespace

std::string render(const caf::error& err) {
  if (!err)
    return "none";
  auto text = text_of(err);
  if (!is_ours(err))
    return text.empty() ? caf::to_string(err) : text;
  auto name = to_string(static_cast<ec>(err.code()));
  return text.empty() ? name : name + ": " + text;
}

ec code_of(const caf::error& err) {
  return is_ours(err) ? static_cast<ec>(err.code()) : ec::worker_restarting;
}

bool is_transient(const caf::error& err) {
  switch (code_of(err)) {
    case ec::database_error:
    case ec::worker_restarting:
    case ec::provider_error:
    case ec::provider_timeout:
    case ec::provider_throttled:
    case ec::provider_unavailable:
    case ec::overloaded: return true;
    default: return false;
  }
}

caf::error make_error(ec code, std::string text) {
  return caf::make_error(code, std::move(text));
}

} // namespace tunerd
