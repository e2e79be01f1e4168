#pragma once

#include "actors/provider_gateway/provider_api.hpp"
#include "actors/provider_gateway/provider_settings.hpp"
#include "actors/provider_gateway/secrets.hpp"

namespace tunerd {

/// simpletuner.io's API, see REFERENCE 5. Pure.
///
/// Its credential, a refresh token, is exchanged for an access token that is
/// good for a while. It has no webhooks and no models: the machine is its
/// choice, so a submission that names a version, a hardware profile or a
/// webhook is refused rather than run on something else.
///
/// It offers no idempotency key, and its list shows no inputs. So a submission
/// in doubt is submitted again only if the list, complete, shows no job of that
/// time that is not known to be another's; if it shows one, nobody can tell
/// whose it is, and the attempt is `unresolved` until a person decides.
class simpletuner_io : public provider_api {
public:
  /// @param settings Their token is the refresh token.
  /// @param secrets Asked in `prepare` only, whether a secret exists.
  simpletuner_io(provider_settings settings, secret_source secrets);

  caf::expected<job_prepared>
  prepare(const prepare_job& request) const override;

  http_request submission(const submit_to_provider& command,
                          const std::string& body) const override;

  http_request look_up(const get_provider_job& query) const override;

  caf::expected<http_request>
  listing(const list_provider_jobs& query) const override;

  http_request cancellation(const cancel_provider_job& command) const override;

  http_request account(const context& ctx) const override;

  submission_outcome read_submission(const http_response& response,
                                     timestamp now) const override;

  caf::expected<provider_job>
  read_job(const http_response& response,
           const get_provider_job& query) const override;

  /// A page that may be cut off is the whole list only if it is in order and
  /// reaches back to what was asked for: the API has no cursor. Else it is
  /// `not_found`, unless just the newest jobs are asked for.
  caf::expected<provider_job_page>
  read_page(const http_response& response,
            const list_provider_jobs& query) const override;

  /// "Too late" (409) is `provider_error`: the next look tells how it ended.
  caf::expected<provider_job>
  read_cancelled(const http_response& response,
                 const cancel_provider_job& command) const override;

  caf::expected<std::string>
  read_account(const http_response& response) const override;

  caf::expected<webhook_read>
  read_delivery(const read_webhook& query) const override;

  caf::timespan retry_after(const http_response& response,
                            timestamp now) const override;

  std::optional<http_request> sign_in(const context& ctx) const override;

  caf::expected<access_pass>
  read_pass(const http_response& response) const override;

  std::optional<http_request> logs(const get_provider_job& query,
                                   const provider_job& seen) const override;

  std::string read_logs(const http_response& response) const override;

private:
  /// @param path Begins with a slash.
  http_request request(const context& ctx, std::string method,
                       const std::string& path) const;

  provider_settings settings_;
  secret_source secrets_;
};

} // namespace tunerd
