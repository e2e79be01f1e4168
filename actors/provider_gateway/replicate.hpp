#pragma once

#include "actors/provider_gateway/provider_api.hpp"
#include "actors/provider_gateway/provider_settings.hpp"

namespace tunerd {

/// Replicate's API, see REFERENCE 5. Pure.
class replicate : public provider_api {
public:
  /// @param secrets Asked in `prepare` only, whether a secret exists.
  replicate(provider_settings settings, secret_source secrets);

  caf::expected<job_prepared>
  prepare(const prepare_job& request) const override;

  http_request submission(const submit_to_provider& command,
                          const std::string& body) const override;

  http_request look_up(const get_provider_job& query) const override;

  caf::expected<http_request>
  listing(const list_provider_jobs& query) const override;

  http_request cancellation(const cancel_provider_job& command) const override;

  http_request account(const context& ctx) const override;

  std::optional<http_request> webhook_secret(const context& ctx) const override;

  std::optional<http_request>
  versions(const context& ctx, const provider_input& prepared) const override;

  submission_outcome read_submission(const http_response& response,
                                     timestamp now) const override;

  caf::expected<provider_job>
  read_job(const http_response& response,
           const get_provider_job& query) const override;

  caf::expected<provider_job_page>
  read_page(const http_response& response,
            const list_provider_jobs& query) const override;

  caf::expected<provider_job>
  read_cancelled(const http_response& response,
                 const cancel_provider_job& command) const override;

  caf::expected<std::string>
  read_account(const http_response& response) const override;

  caf::expected<std::string>
  read_webhook_secret(const http_response& response) const override;

  caf::expected<std::string>
  read_newest_version(const http_response& response,
                      const std::string& model) const override;

  caf::expected<webhook_read>
  read_delivery(const read_webhook& query) const override;

  caf::timespan retry_after(const http_response& response,
                            timestamp now) const override;

private:
  /// @param path Begins with a slash.
  http_request request(const context& ctx, std::string method,
                       const std::string& path) const;

  bool is_ours(const std::string& url) const;

  provider_settings settings_;
  secret_source secrets_;
};

} // namespace tunerd
