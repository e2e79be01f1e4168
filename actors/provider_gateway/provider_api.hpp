#pragma once

#include "actors/provider_gateway/secrets.hpp"
#include "actors/support/log.hpp"
#include "messages/error.hpp"
#include "messages/http.hpp"
#include "messages/providers.hpp"
#include "messages/webhooks.hpp"

#include <caf/expected.hpp>

#include <optional>

namespace tunerd {

/// What some providers give for a credential: it signs calls for a while.
struct access_pass {
  secret token = {};
  caf::timespan good_for = caf::timespan{0};
};

/// One provider's API as pure functions over its settings: what to ask and what
/// an answer means. Makes no call, reads no clock, never throws on what a
/// provider says. Errors are those of the messages in messages/providers.hpp.
class provider_api {
public:
  virtual ~provider_api() = default;

  // -- what to ask ------------------------------------------------------------

  /// @returns `validation_error` naming the field if it cannot be sent.
  virtual caf::expected<job_prepared>
  prepare(const prepare_job& request) const = 0;

  /// @param body The input of `command`, its secrets resolved.
  virtual http_request submission(const submit_to_provider& command,
                                  const std::string& body) const = 0;

  virtual http_request look_up(const get_provider_job& query) const = 0;

  /// @returns `provider_error` if the cursor leads away from the provider.
  virtual caf::expected<http_request>
  listing(const list_provider_jobs& query) const = 0;

  virtual http_request
  cancellation(const cancel_provider_job& command) const = 0;

  /// Asks who we are to it.
  virtual http_request account(const context& ctx) const = 0;

  // -- what an answer means ---------------------------------------------------

  /// @param now Time of day; a `Retry-After` may be a date.
  virtual submission_outcome read_submission(const http_response& response,
                                             timestamp now) const = 0;

  virtual caf::expected<provider_job>
  read_job(const http_response& response,
           const get_provider_job& query) const = 0;

  /// An entry that cannot be read is an error: a listing is complete or none.
  virtual caf::expected<provider_job_page>
  read_page(const http_response& response,
            const list_provider_jobs& query) const = 0;

  virtual caf::expected<provider_job>
  read_cancelled(const http_response& response,
                 const cancel_provider_job& command) const = 0;

  /// @returns type, name and the like as a JSON object.
  virtual caf::expected<std::string>
  read_account(const http_response& response) const = 0;

  /// What a delivery says, as if it were signed; its headers are not looked at.
  /// @returns `validation_error` if it names no job.
  virtual caf::expected<webhook_read>
  read_delivery(const read_webhook& query) const = 0;

  /// @returns how long the provider wants us to wait; 0 if it does not say.
  virtual caf::timespan retry_after(const http_response& response,
                                    timestamp now) const = 0;

  // -- what only some providers have ------------------------------------------

  /// Asks for the secret that it signs deliveries with; none if it tells none.
  virtual std::optional<http_request> webhook_secret(const context& ctx) const;

  virtual caf::expected<std::string>
  read_webhook_secret(const http_response& response) const;

  /// Exchanges the credential for a pass, which every other call then needs as
  /// its bearer token; none if calls bring the credential itself.
  virtual std::optional<http_request> sign_in(const context& ctx) const;

  virtual caf::expected<access_pass>
  read_pass(const http_response& response) const;

  /// Asks which versions the model has that `prepared` names instead of one of
  /// them; none if it names a version, or there are no such things.
  virtual std::optional<http_request>
  versions(const context& ctx, const provider_input& prepared) const;

  /// @returns the newest version of `model` as a submission names it, or
  /// `validation_error` if there is none.
  virtual caf::expected<std::string>
  read_newest_version(const http_response& response,
                      const std::string& model) const;

  /// Asks for the log output of a job, if `look_up` does not answer it and the
  /// query wants it or the job as `seen` is over.
  virtual std::optional<http_request> logs(const get_provider_job& query,
                                           const provider_job& seen) const;

  /// @returns its end, at most 1 MiB; empty if there is none.
  virtual std::string read_logs(const http_response& response) const;
};

} // namespace tunerd
