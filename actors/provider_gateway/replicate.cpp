#include "actors/provider_gateway/replicate.hpp"

#include "actors/provider_gateway/json_text.hpp"
#include "actors/provider_gateway/provider_answers.hpp"
#include "actors/provider_gateway/replicate_answers.hpp"
#include "actors/provider_gateway/replicate_delivery.hpp"
#include "actors/provider_gateway/replicate_input.hpp"
#include "actors/provider_gateway/time_text.hpp"
#include "actors/provider_gateway/url.hpp"

namespace tunerd {

replicate::replicate(provider_settings settings, secret_source secrets)
  : settings_(std::move(settings)), secrets_(std::move(secrets)) {
}

http_request replicate::request(const context& ctx, std::string method,
                                const std::string& path) const {
  http_request result{ctx, std::move(method), settings_.base_url + path};
  if (!settings_.token.empty())
    result.headers.emplace_back("authorization",
                                "Bearer " + settings_.token.reveal());
  result.timeout = settings_.network.timeout;
  return result;
}

// -- what to ask --------------------------------------------------------------

caf::expected<job_prepared>
replicate::prepare(const prepare_job& request) const {
  return prepare_replicate_job(request, settings_, secrets_);
}

http_request replicate::submission(const submit_to_provider& command,
                                   const std::string& body) const {
  nlohmann::json call{{"version", command.input.version}};
  call["input"] = parse_json(body).value_or(nlohmann::json::object());
  if (!command.input.webhook_url.empty()) {
    call["webhook"]
      = with_parameter(command.input.webhook_url, "tunerd_job", command.job_id);
    call["webhook_events_filter"] = {"start", "completed"};
  }
  auto result = request(command.ctx, "POST", "/predictions");
  result.headers.emplace_back("content-type", "application/json");
  const auto asked
    = std::chrono::ceil<std::chrono::minutes>(command.input.max_runtime);
  if (asked.count() > 0 || settings_.limits_run)
    result.headers.emplace_back(
      "cancel-after",
      std::to_string(
        (asked.count() > 0 ? asked : settings_.longest_run).count())
        + "m");
  result.body = json_text(call);
  return result;
}

http_request replicate::look_up(const get_provider_job& query) const {
  return request(query.ctx, "GET",
                 "/predictions/" + escaped_segment(query.external_id));
}

caf::expected<http_request>
replicate::listing(const list_provider_jobs& query) const {
  if (query.cursor.empty())
    return request(query.ctx, "GET",
                   "/predictions?created_after="
                     + iso_time(query.created_after));
  // The token goes along, so a cursor may lead to the configured host only.
  if (!is_ours(query.cursor))
    return make_error(ec::provider_error, "the next page is on another host");
  auto result = request(query.ctx, "GET", "");
  result.url = query.cursor;
  return result;
}

http_request replicate::cancellation(const cancel_provider_job& command) const {
  return request(command.ctx, "POST",
                 "/predictions/" + escaped_segment(command.external_id)
                   + "/cancel");
}

http_request replicate::account(const context& ctx) const {
  return request(ctx, "GET", "/account");
}

std::optional<http_request>
replicate::webhook_secret(const context& ctx) const {
  return request(ctx, "GET", "/webhooks/default/secret");
}

std::optional<http_request>
replicate::versions(const context& ctx, const provider_input& prepared) const {
  if (!names_model_only(prepared.version))
    return std::nullopt;
  const auto slash = prepared.version.find('/');
  return request(ctx, "GET",
                 "/models/" + escaped_segment(prepared.version.substr(0, slash))
                   + "/" + escaped_segment(prepared.version.substr(slash + 1))
                   + "/versions");
}

bool replicate::is_ours(const std::string& url) const {
  const auto origin = origin_of(url);
  return !origin.empty() && origin == origin_of(settings_.base_url);
}

// -- what an answer means -----------------------------------------------------

submission_outcome replicate::read_submission(const http_response& response,
                                              timestamp now) const {
  return read_replicate_submission(response, settings_.rates, now);
}

caf::expected<provider_job>
replicate::read_job(const http_response& response,
                    const get_provider_job& query) const {
  if (auto err = provider_failure(response))
    return err;
  const auto body = parse_json(response.body).value_or(nullptr);
  auto seen = read_prediction(body, query.hardware_profile, settings_.rates);
  if (!seen || seen->external_id != query.external_id)
    return make_error(ec::provider_error, "not the prediction asked for");
  if (query.with_logs || (seen->status && is_terminal(*seen->status)))
    seen->logs = read_prediction_logs(body);
  return std::move(*seen);
}

caf::expected<provider_job_page>
replicate::read_page(const http_response& response,
                     const list_provider_jobs&) const {
  if (auto err = provider_failure(response))
    return err;
  auto page = read_predictions(response.body, settings_.rates);
  if (!page)
    return make_error(ec::provider_error, "not a list of predictions");
  if (!page->next.empty() && !is_ours(page->next))
    return make_error(ec::provider_error, "the next page is on another host");
  page->ctx = response.ctx;
  return std::move(*page);
}

caf::expected<provider_job>
replicate::read_cancelled(const http_response& response,
                          const cancel_provider_job& command) const {
  // A 404 is an error here: only whoever knows how old the job is can tell one
  // that is gone from one that is not listed yet.
  if (auto err = provider_failure(response))
    return err;
  // It took the call; what the body says is a bonus.
  const auto body = parse_json(response.body).value_or(nullptr);
  if (auto seen = read_prediction(body, {}, settings_.rates);
      seen && seen->external_id == command.external_id)
    return std::move(*seen);
  return provider_job{command.external_id};
}

caf::expected<std::string>
replicate::read_account(const http_response& response) const {
  if (auto err = provider_failure(response))
    return err;
  const auto body = parse_json(response.body).value_or(nullptr);
  if (!body.is_object())
    return make_error(ec::provider_error, "not an account");
  return json_text({{"type", text_member(body, "type")},
                    {"username", text_member(body, "username")},
                    {"name", text_member(body, "name")}});
}

caf::expected<std::string>
replicate::read_webhook_secret(const http_response& response) const {
  if (auto err = provider_failure(response))
    return err;
  auto key = text_member(parse_json(response.body).value_or(nullptr), "key");
  if (key.empty())
    return make_error(ec::provider_error, "not a webhook secret");
  return key;
}

caf::expected<std::string>
replicate::read_newest_version(const http_response& response,
                               const std::string& model) const {
  return read_replicate_versions(response, model);
}

caf::expected<webhook_read>
replicate::read_delivery(const read_webhook& query) const {
  return read_replicate_delivery(query, settings_.rates);
}

caf::timespan replicate::retry_after(const http_response& response,
                                     timestamp now) const {
  return asked_wait(response, now);
}

} // namespace tunerd
