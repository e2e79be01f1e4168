#include "actors/provider_gateway/replicate_answers.hpp"

#include "actors/provider_gateway/provider_answers.hpp"
#include "actors/provider_gateway/provider_status.hpp"
#include "actors/provider_gateway/time_text.hpp"

#include <array>

namespace tunerd {

namespace {

using json = nlohmann::json;

constexpr size_t text_bytes_max = 4096;
constexpr size_t log_bytes_max = 1024 * 1024;
constexpr size_t version_bytes_max = 128;

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
  return result;
}

std::string read_prediction_input(const json& prediction) {
  const auto& removed = member(prediction, "data_removed");
  const auto& input = member(prediction, "input");
  const bool gone = removed.is_boolean() && removed.get<bool>();
  return gone || !input.is_object() ? std::string{} : json_text(input);
}

std::string read_prediction_logs(const json& prediction) {
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
    seen->input = read_prediction_input(prediction);
    answer.jobs.push_back(std::move(*seen));
  }
  return answer;
}

caf::expected<std::string>
read_replicate_versions(const http_response& response,
                        const std::string& model) {
  if (response.transfer == http_transfer::answered && response.status == 404)
    return make_error(ec::validation_error,
                      "version: Replicate knows no model " + model);
  if (auto err = provider_failure(response))
    return err;
  const auto body = parse_json(response.body).value_or(nullptr);
  const auto& results = member(body, "results");
  if (!results.is_array())
    return make_error(ec::provider_error, "not a list of versions");
  if (results.empty())
    return make_error(ec::validation_error,
                      "version: model " + model + " has none");
  const auto newest = text_member(results[0], "id"); // The list begins with it.
  if (newest.empty() || newest.size() > version_bytes_max
      || newest.find_first_of(":/") != std::string::npos)
    return make_error(ec::provider_error, "not a list of versions");
  return model + ":" + newest;
}

submission_outcome read_replicate_submission(const http_response& response,
                                             const gpu_rates& rates,
                                             timestamp now) {
  const auto body = parse_json(response.body).value_or(nullptr);
  return outcome_of(response, read_prediction(body, {}, rates), now);
}

} // namespace tunerd
