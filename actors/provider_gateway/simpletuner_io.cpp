#include "actors/provider_gateway/simpletuner_io.hpp"

#include "actors/provider_gateway/json_text.hpp"
#include "actors/provider_gateway/provider_answers.hpp"
#include "actors/provider_gateway/provider_status.hpp"
#include "actors/provider_gateway/time_text.hpp"
#include "actors/provider_gateway/url.hpp"
#include "messages/fingerprint.hpp"

#include <algorithm>
#include <array>

namespace tunerd {

namespace {

using json = nlohmann::json;

constexpr size_t input_bytes_max = 4 * 1024 * 1024;
constexpr size_t text_bytes_max = 4096;
constexpr size_t log_bytes_max = 1024 * 1024;
constexpr size_t page_size = 100;

/// A shorter page is not cut off, whatever the service makes of `page_size`.
constexpr size_t short_page = 20;

constexpr std::array status_names{
  status_name{"created", job_status::pending},
  status_name{"provisioning", job_status::pending},
  status_name{"retrying", job_status::pending},
  status_name{"waiting_for_capacity", job_status::queued},
  status_name{"training", job_status::running},
  status_name{"cancelling", job_status::running},
  status_name{"preempted", job_status::failed},
  status_name{"canceled", job_status::cancelled},
};

caf::error invalid(std::string text) {
  return make_error(ec::validation_error, std::move(text));
}

/// @returns what a request names that this provider does not have.
caf::error foreign_field(const prepare_job& request) {
  if (!request.version.empty())
    return invalid("version: simpletuner.io has no model versions");
  if (!request.hardware_profile.empty())
    return invalid("hardware_profile: simpletuner.io chooses the machine");
  if (!request.webhook_url.empty())
    return invalid("webhook_url: simpletuner.io sends no webhooks");
  return caf::none;
}

/// @returns the value in `text`, small enough and JSON at all.
caf::expected<json> read_part(const char* field, const std::string& text) {
  if (text.size() > input_bytes_max)
    return invalid(std::string{field} + ": over 4 MiB");
  auto value = parse_json(text);
  if (!value)
    return invalid(std::string{field} + ": not JSON, or nested too deeply");
  return std::move(*value);
}

/// A raw input is the request itself.
caf::expected<json> raw_input(const prepare_job& request) {
  auto input = read_part("input", request.input);
  if (!input)
    return input;
  if (!member(*input, "config").is_object()
      || !member(*input, "dataloader_config").is_structured())
    return invalid("input: want an object with config and dataloader_config");
  return input;
}

caf::expected<json> config_input(const prepare_job& request) {
  auto config = read_part("config", request.config);
  if (!config)
    return config;
  if (!config->is_object())
    return invalid("config: want an object");
  auto dataloader = read_part("dataloader_config", request.dataloader_config);
  if (!dataloader)
    return dataloader;
  if (!dataloader->is_structured())
    return invalid("dataloader_config: want a list or an object");
  json result{{"config", std::move(*config)},
              {"dataloader_config", std::move(*dataloader)}};
  for (const std::string key :
       {"max_runtime_minutes", "resume_from_checkpoint"})
    for (const auto& spelled : {"--" + key, key}) {
      const auto value = member(result["config"], spelled.c_str());
      if (!value.is_null())
        result[key] = value;
    }
  return result;
}

/// Writes `otherwise` into `input` if it does not say how long it may run.
/// @returns what is wrong with what it says.
caf::error set_run_time(json& input, std::chrono::minutes otherwise) {
  auto& minutes = input["max_runtime_minutes"];
  if (minutes.is_null())
    minutes = otherwise.count();
  if (!minutes.is_number_integer() || minutes < 1
      || minutes > config::run_time_max.count())
    return invalid("max_runtime_minutes: want 1 to "
                   + std::to_string(config::run_time_max.count()));
  return caf::none;
}

caf::optional<timestamp> time_member(const json& object, const char* key) {
  if (auto time = parse_iso_time(text_member(object, key)))
    return *time;
  return caf::none;
}

/// @returns the job with that status; none if it has no sane id.
std::optional<provider_job> read_entry(const json& job, std::string status) {
  provider_job result{text_member(job, "id")};
  if (result.external_id.empty() || result.external_id.size() > 256)
    return std::nullopt;
  if (status.empty())
    status = text_member(job, "status");
  result.raw_status = shortened(std::move(status), 100);
  result.status = normalise_status(result.raw_status, status_names);
  result.created_at = time_member(job, "created_at");
  return result;
}

/// @returns what the service says the job will cost: it never says what it did
/// cost. None if that is no sane amount.
caf::optional<int64_t> estimate_of(const json& job) {
  constexpr int64_t cents_max = 1'000'000'000;
  constexpr int64_t micros_per_cent = 10'000;
  for (const char* key : {"estimated_total_cents", "estimated_cost_cents"})
    if (const auto& x = member(job, key); x.is_number_integer())
      if (const auto cents = x.get<int64_t>(); cents >= 0 && cents <= cents_max)
        return cents * micros_per_cent;
  return caf::none;
}

/// @returns whether `page` surely shows all jobs since `begin`: it has fewer
/// than any service would cut off, or is in order and goes further back.
bool is_whole(const std::vector<provider_job>& page, timestamp begin) {
  if (page.size() < short_page)
    return true;
  const auto dated = std::all_of(page.begin(), page.end(),
                                 [](const auto& x) { return !!x.created_at; });
  return dated
         && std::is_sorted(page.begin(), page.end(),
                           [](const auto& x, const auto& y) {
                             return *x.created_at > *y.created_at;
                           })
         && *page.back().created_at < begin;
}

/// @returns the attempt with the highest number; null if there is none.
json newest_attempt(const json& body) {
  json result;
  int64_t highest = 0;
  const auto& attempts = member(body, "attempts");
  if (!attempts.is_array())
    return result;
  for (const auto& attempt : attempts) {
    const auto& number = member(attempt, "attempt_number");
    const auto n = number.is_number_integer() ? number.get<int64_t>() : 0;
    if (attempt.is_object() && (result.is_null() || n >= highest)) {
      highest = n;
      result = attempt;
    }
  }
  return result;
}

bool is_over(const provider_job& seen) {
  return seen.status && is_terminal(*seen.status);
}

} // namespace

simpletuner_io::simpletuner_io(provider_settings settings,
                               secret_source secrets)
  : settings_(std::move(settings)), secrets_(std::move(secrets)) {
}

http_request simpletuner_io::request(const context& ctx, std::string method,
                                     const std::string& path) const {
  http_request result{ctx, std::move(method), settings_.base_url + path};
  result.timeout = settings_.network.timeout;
  return result;
}

// -- what to ask --------------------------------------------------------------

caf::expected<job_prepared>
simpletuner_io::prepare(const prepare_job& request) const {
  if (auto err = foreign_field(request))
    return err;
  const bool is_config
    = !request.config.empty() || !request.dataloader_config.empty();
  if (is_config == !request.input.empty())
    return invalid("input: want either it or config and dataloader_config");
  auto input = is_config ? config_input(request) : raw_input(request);
  if (!input)
    return input.error();
  if (auto err = set_run_time(*input, settings_.longest_run))
    return err;
  auto body = json_text(*input);
  if (body.size() > input_bytes_max)
    return invalid("input: over 4 MiB");
  if (auto resolved = resolve_secrets(body, secrets_); !resolved)
    return resolved.error();
  auto print = fingerprint(request.provider, {}, body, body);
  job_prepared result;
  result.ctx = request.ctx;
  result.input = {{}, std::move(body), std::move(print), {}};
  result.longest_run = settings_.run_limit;
  return result;
}

http_request simpletuner_io::submission(const submit_to_provider& command,
                                        const std::string& body) const {
  auto result = request(command.ctx, "POST", "/v1/jobs");
  result.headers.emplace_back("content-type", "application/json");
  result.body = body;
  if (command.input.max_runtime > caf::timespan{0})
    if (auto input = parse_json(body); input && input->is_object()) {
      (*input)["max_runtime_minutes"]
        = std::chrono::ceil<std::chrono::minutes>(command.input.max_runtime)
            .count();
      result.body = json_text(*input);
    }
  return result;
}

http_request simpletuner_io::look_up(const get_provider_job& query) const {
  return request(query.ctx, "GET",
                 "/v1/jobs/" + escaped_segment(query.external_id));
}

caf::expected<http_request>
simpletuner_io::listing(const list_provider_jobs& query) const {
  if (!query.cursor.empty())
    return make_error(ec::provider_error, "the list has no further pages");
  return request(query.ctx, "GET",
                 "/v1/jobs?page_size=" + std::to_string(page_size));
}

http_request
simpletuner_io::cancellation(const cancel_provider_job& command) const {
  return request(command.ctx, "POST",
                 "/v1/jobs/" + escaped_segment(command.external_id)
                   + "/cancel");
}

http_request simpletuner_io::account(const context& ctx) const {
  return request(ctx, "GET", "/v1/account/me");
}

std::optional<http_request> simpletuner_io::sign_in(const context& ctx) const {
  json body{{"refresh_token", settings_.token.reveal()}};
  if (!settings_.org_id.empty())
    body["org_id"] = parse_json(settings_.org_id).value_or(nullptr);
  auto result = request(ctx, "POST", "/v1/auth/cli/token");
  result.headers.emplace_back("content-type", "application/json");
  result.body = json_text(body);
  return result;
}

std::optional<http_request>
simpletuner_io::logs(const get_provider_job& query,
                     const provider_job& seen) const {
  if (!query.with_logs && !is_over(seen))
    return std::nullopt;
  return request(query.ctx, "GET",
                 "/v1/jobs/" + escaped_segment(query.external_id) + "/logs");
}

// -- what an answer means -----------------------------------------------------

submission_outcome
simpletuner_io::read_submission(const http_response& response,
                                timestamp now) const {
  const auto body = parse_json(response.body).value_or(nullptr);
  auto seen = read_entry(body, {});
  if (seen)
    seen->cost_micros = estimate_of(body);
  return outcome_of(response, seen, now);
}

caf::expected<provider_job>
simpletuner_io::read_job(const http_response& response,
                         const get_provider_job& query) const {
  if (auto err = provider_failure(response))
    return err;
  const auto body = parse_json(response.body).value_or(nullptr);
  const auto attempt = newest_attempt(body);
  auto seen = read_entry(member(body, "job"), text_member(attempt, "status"));
  if (!seen || seen->external_id != query.external_id)
    return make_error(ec::provider_error, "not the job asked for");
  seen->started_at = time_member(attempt, "training_started_at");
  if (!seen->started_at)
    seen->started_at = time_member(attempt, "started_at");
  if (is_over(*seen)) {
    seen->completed_at = time_member(attempt, "ended_at");
    seen->error_message
      = shortened(text_member(attempt, "failure_reason"), text_bytes_max);
  }
  return std::move(*seen);
}

caf::expected<provider_job_page>
simpletuner_io::read_page(const http_response& response,
                          const list_provider_jobs& query) const {
  if (auto err = provider_failure(response))
    return err;
  const auto body = parse_json(response.body).value_or(nullptr);
  const auto& items = member(body, "items");
  if (!items.is_array())
    return make_error(ec::provider_error, "not a list of jobs");
  provider_job_page page{response.ctx, {}, {}};
  for (const auto& item : items) {
    auto seen = read_entry(item, text_member(item, "current_attempt_status"));
    if (!seen)
      return make_error(ec::provider_error, "a job of the list has no id");
    page.jobs.push_back(std::move(*seen));
  }
  const auto begin = query.created_after;
  if (begin != timestamp{} && !is_whole(page.jobs, begin))
    return make_error(ec::not_found, "the list does not show all jobs");
  std::erase_if(page.jobs, [begin](const provider_job& x) {
    return x.created_at && *x.created_at < begin;
  });
  std::stable_sort(page.jobs.begin(), page.jobs.end(),
                   [](const auto& x, const auto& y) {
                     return x.created_at.value_or(timestamp{})
                            > y.created_at.value_or(timestamp{});
                   });
  return page;
}

caf::expected<provider_job>
simpletuner_io::read_cancelled(const http_response& response,
                               const cancel_provider_job& command) const {
  if (auto err = provider_failure(response))
    return err;
  // It took the call; what the body says is a bonus.
  const auto body = parse_json(response.body).value_or(nullptr);
  provider_job seen{command.external_id};
  seen.raw_status = shortened(text_member(body, "status"), 100);
  seen.status = normalise_status(seen.raw_status, status_names);
  return seen;
}

caf::expected<std::string>
simpletuner_io::read_account(const http_response& response) const {
  if (auto err = provider_failure(response))
    return err;
  const auto body = parse_json(response.body).value_or(nullptr);
  if (!body.is_object())
    return make_error(ec::provider_error, "not an account");
  json result;
  for (const char* key : {"user_id", "org_id", "org_role", "email"})
    if (const auto& value = member(body, key); value.is_primitive())
      result[key] = value;
  return json_text(result);
}

caf::expected<webhook_read>
simpletuner_io::read_delivery(const read_webhook&) const {
  return invalid("simpletuner.io sends no webhooks");
}

caf::timespan simpletuner_io::retry_after(const http_response& response,
                                          timestamp now) const {
  return asked_wait(response, now);
}

caf::expected<access_pass>
simpletuner_io::read_pass(const http_response& response) const {
  if (auto err = provider_failure(response))
    return err;
  const auto body = parse_json(response.body).value_or(nullptr);
  access_pass result{secret{text_member(body, "access_token")}};
  const auto& seconds = member(body, "expires_in");
  constexpr int64_t day = 24 * 60 * 60;
  if (result.token.empty() || !seconds.is_number() || seconds < 1)
    return make_error(ec::provider_error, "not an access token");
  result.good_for
    = std::chrono::seconds{seconds > day ? day : seconds.get<int64_t>()};
  return result;
}

std::string simpletuner_io::read_logs(const http_response& response) const {
  if (provider_failure(response))
    return {};
  const auto body = parse_json(response.body).value_or(nullptr);
  return last_lines(text_member(body, "logs"), log_bytes_max);
}

} // namespace tunerd
