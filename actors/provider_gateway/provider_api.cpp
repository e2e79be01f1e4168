#include "actors/provider_gateway/provider_api.hpp"

namespace tunerd {

std::optional<http_request> provider_api::webhook_secret(const context&) const {
  return std::nullopt;
}

caf::expected<std::string>
provider_api::read_webhook_secret(const http_response&) const {
  return make_error(ec::provider_error, "it tells no webhook secret");
}

std::optional<http_request> provider_api::sign_in(const context&) const {
  return std::nullopt;
}

caf::expected<access_pass> provider_api::read_pass(const http_response&) const {
  return make_error(ec::provider_error, "it gives no passes");
}

std::optional<http_request>
provider_api::versions(const context&, const provider_input&) const {
  return std::nullopt;
}

caf::expected<std::string>
provider_api::read_newest_version(const http_response&,
                                  const std::string&) const {
  return make_error(ec::provider_error, "its models have no versions");
}

std::optional<http_request> provider_api::logs(const get_provider_job&,
                                               const provider_job&) const {
  return std::nullopt;
}

std::string provider_api::read_logs(const http_response&) const {
  return {};
}

} // namespace tunerd
