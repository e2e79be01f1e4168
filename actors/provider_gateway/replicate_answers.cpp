#include "actors/provider_gateway/replicate_answers.hpp"

#include "actors/provider_gateway/provider_status.hpp"
#include "actors/provider_gateway/time_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace tunerd {

namespace {

using json = nlohmann::json;

constexpr size_t text_bytes_max = 4096;
constexpr size_t log_bytes_max = 1024 * 1024;

constexpr std::array status_names{
  status_name{"starting", job_status::queued},
  status_name{"processing", job_status::running},
  status_name{"succeeded", job_status::completed},
  status_name{"failed", job_status::failed},
  status_name{"canceled", job_status::cancelled},
  // Its deadline passed before it started.
  status_name{"aborted", job_status::cancelled},
};

caf::optional<timestamp> time_member(const json& object, const char* key) {
  if (auto time = parse_iso_time(text_member(object, key)))
    return *time;
  return caf::none;
}

/// Output is a text, a list of outputs or {url}.
std::string url_in(const json& output) {
  const auto& found = output.is_array() && !output.empty() ? output[0] : output;
  auto url
    = found.is_string() ? found.get<std::string>() : text_member(found, "url");
  // Cut, it would lead nowhere; a "data:" URL has no place in a job's row.
  return url.size() <= text_bytes_max ? url : std::string{};
}

/// Errors are texts or any JSON.
std::string text_in(const json& error) {
  if (error.is_null())
    return {};
  return shortened(error.is_string() ? error.get<std::string>()
                                     : json_text(error),
                   text_bytes_max);
}

std::string input_in(const json& prediction) {
  const auto& removed = member(prediction, "data_removed");
  const auto& input = member(prediction, "input");
  const bool gone = removed.is_boolean() && removed.get<bool>();
  return gone || !input.is_object() ? std::string{} : json_text(input);
}

caf::optional<int64_t> cost_of(const json& prediction,
                               const std::string& hardware_profile,
                               const gpu_rates& rates) {
  const auto* profile = hardware_profile.empty()
                          ? profile_of_model(text_member(prediction, "model"))
                          : find_hardware_profile(hardware_profile);
  const auto& seconds = member(member(prediction, "metrics"), "predict_time");
  if (profile == nullptr || !seconds.is_number())
    return caf::none;
  return cost_micros(rate_of(*profile, rates), seconds.get<double>());
}

/// @returns what people should read about an answer that is not 2xx.
std::string reason_of(const http_response& response) {
  const auto name = "HTTP " + std::to_string(response.status);
  const auto body = parse_json(response.body).value_or(nullptr);
  for (const char* key : {"detail", "error", "title"})
    if (auto text = text_in(member(body, key)); !text.empty())
      return name + ": " + shortened(std::move(text), 1000);
  return name;
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

submission_outcome outcome(const http_response& response,
                           submission_result result, std::string reason) {
  return {.ctx = response.ctx, .result = result, .reason = std::move(reason)};
}

/// Reads "~30s", "30 s", "2m"; 0 if it is none of these.
caf::timespan span_in(std::string_view text) {
  const auto begin = text.find_first_not_of("~ ");
  if (begin == std::string_view::npos)
    return {};
  text.remove_prefix(begin);
  uint32_t count = 0;
  const auto [rest, err]
    = std::from_chars(text.data(), text.data() + text.size(), count);
  if (err != std::errc{})
    return {};
  text.remove_prefix(static_cast<size_t>(rest - text.data()));
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if (text.starts_with("ms"))
    return std::chrono::milliseconds{count};
  if (text.starts_with('m'))
    return std::chrono::minutes{count};
  if (text.starts_with('h'))
    return std::chrono::hours{std::min(count, 1'000u)};
  return std::chrono::seconds{count};
}

caf::timespan wait_in_header(const std::string& value, timestamp now) {
  if (auto date = parse_http_date(value))
    return *date - now;
  return span_in(value);
}

/// "... Your rate limit resets in ~30s."
caf::timespan wait_in_detail(const std::string& detail) {
  constexpr std::string_view words = "resets in ";
  const auto at = detail.find(words);
  if (at == std::string::npos)
    return {};
  return span_in(std::string_view{detail}.substr(at + words.size()));
}

} // namespace

std::optional<provider_job> read_prediction(const json& prediction,
                                            const std::string& hardware_profile,
                                            const gpu_rates& rates) {
  provider_job result{text_member(prediction, "id")};
  if (result.external_id.empty() || result.external_id.size() > 256)
    return std::nullopt;
  result.raw_status = shortened(text_member(prediction, "status"), 100);
  result.status = normalise_status(result.raw_status, status_names);
  result.created_at = time_member(prediction, "created_at");
  result.started_at = time_member(prediction, "started_at");
  result.completed_at = time_member(prediction, "completed_at");
  result.cost_micros = cost_of(prediction, hardware_profile, rates);
  result.output_url = url_in(member(prediction, "output"));
  result.error_message = text_in(member(prediction, "error"));
  const auto version = text_member(prediction, "version");
  result.version = version.substr(version.rfind(':') + 1);
  result.input = input_in(prediction);
  return result;
}

std::string read_logs(const json& prediction) {
  return last_lines(text_member(prediction, "logs"), log_bytes_max);
}

std::optional<provider_job_page> read_predictions(const std::string& body,
                                                  const gpu_rates& rates) {
  const auto page = parse_json(body).value_or(nullptr);
  const auto& results = member(page, "results");
  const auto& next = member(page, "next");
  if (!results.is_array() || !(next.is_null() || next.is_string()))
    return std::nullopt;
  provider_job_page answer;
  answer.next = next.is_string() ? next.get<std::string>() : std::string{};
  for (const auto& prediction : results) {
    auto seen = read_prediction(prediction, {}, rates);
    if (!seen)
      return std::nullopt;
    answer.jobs.push_back(std::move(*seen));
  }
  return answer;
}

caf::error replicate_failure(const http_response& response) {
  if (response.transfer != http_transfer::answered)
    return make_error(ec::provider_timeout, response.failure);
  if (is_success(response.status))
    return caf::none;
  auto reason = reason_of(response);
  switch (response.status) {
    case 401:
    case 402:
    case 403: return make_error(ec::provider_unavailable, std::move(reason));
    case 404: return make_error(ec::no_such_provider_job, std::move(reason));
    case 408: return make_error(ec::provider_timeout, std::move(reason));
    case 429: return make_error(ec::provider_throttled, std::move(reason));
    default: return make_error(ec::provider_error, std::move(reason));
  }
}

submission_outcome read_replicate_submission(const http_response& response,
                                             const gpu_rates& rates,
                                             timestamp now) {
  using enum submission_result;
  if (response.transfer != http_transfer::answered)
    return outcome(response,
                   response.transfer == http_transfer::not_sent ? not_accepted
                                                                : in_doubt,
                   response.failure);
  if (is_success(response.status)) {
    const auto body = parse_json(response.body).value_or(nullptr);
    auto seen = read_prediction(body, {}, rates);
    if (!seen)
      return outcome(response, in_doubt, "the answer cannot be read");
    auto result = outcome(response, accepted, {});
    result.seen = std::move(*seen);
    return result;
  }
  const auto status = response.status;
  // Only an answer that speaks about this job refuses it. Everything else,
  // redirects included, says nothing about whether it was taken.
  auto result = outcome(response, in_doubt, reason_of(response));
  if (status == 401 || status == 402 || status == 403)
    result.result = unavailable;
  else if (status == 429)
    result.result = not_accepted;
  else if (status >= 400 && status < 500 && status != 408)
    result.result = refused;
  result.retry_after = replicate_retry_after(response, now);
  return result;
}

caf::timespan replicate_retry_after(const http_response& response,
                                    timestamp now) {
  auto wait = wait_in_header(header(response.headers, "retry-after"), now);
  if (wait <= caf::timespan{0})
    wait = wait_in_detail(
      text_member(parse_json(response.body).value_or(nullptr), "detail"));
  const caf::timespan day = std::chrono::hours{24};
  return std::clamp(wait, caf::timespan{0}, day);
}

} // namespace tunerd
