#include "actors/provider_gateway/replicate_delivery.hpp"

#include "actors/provider_gateway/json_text.hpp"
#include "actors/provider_gateway/provider_status.hpp"
#include "actors/provider_gateway/replicate_answers.hpp"

#include <array>

namespace tunerd {

namespace {

using json = nlohmann::json;

constexpr size_t payload_bytes_max = 64 * 1024;
constexpr size_t name_bytes_max = 100;
constexpr size_t id_bytes_max = 256;
constexpr size_t text_bytes_max = 4096;

/// What an event of the trainer says about its job by its name alone.
constexpr std::array event_names{
  status_name{"start", job_status::running},
  status_name{"started", job_status::running},
  status_name{"lifecycle.stage", job_status::running},
  status_name{"completed", job_status::completed},
  status_name{"failed", job_status::failed},
  status_name{"error", job_status::failed},
  status_name{"canceled", job_status::cancelled},
};

std::string first_text(const json& body,
                       std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (auto text = text_member(body, key); !text.empty())
      return text;
  return {};
}

/// Takes logs and inputs out wherever they stand.
void strip(json& value) {
  if (value.is_object()) {
    value.erase("logs");
    value.erase("input");
  }
  if (value.is_structured())
    for (auto& element : value)
      strip(element);
}

/// What subscribers get: small, or nothing.
std::string payload_of(json body) {
  strip(body);
  auto text = json_text(body);
  if (text.size() > payload_bytes_max) {
    body.erase("output");
    text = json_text(body);
  }
  return text.size() > payload_bytes_max ? "{}" : text;
}

bool is_over(const provider_job& seen) {
  return seen.status && is_terminal(*seen.status);
}

/// What the name of an event does not say, e.g. of `training.status`, its
/// `status` may; else it says nothing.
provider_job read_event(const json& body, const std::string& type,
                        std::string external_id) {
  provider_job result{std::move(external_id)};
  result.status = normalise_status(type, event_names);
  result.raw_status = result.status ? type : text_member(body, "status");
  result.raw_status = shortened(std::move(result.raw_status), name_bytes_max);
  if (!result.status)
    result.status = normalise_status(result.raw_status, event_names);
  if (is_over(result))
    result.logs = read_prediction_logs(body);
  if (result.status == job_status::failed)
    result.error_message
      = shortened(first_text(body, {"error", "message"}), text_bytes_max);
  return result;
}

std::optional<provider_job> read_job(const json& body, const std::string& type,
                                     const gpu_rates& rates) {
  auto id = first_text(body, {"prediction_id", "job_id"});
  if (!type.empty() && !id.empty() && id.size() <= id_bytes_max)
    return read_event(body, type, std::move(id));
  auto seen = read_prediction(body, {}, rates);
  if (seen)
    seen->input = read_prediction_input(body);
  if (seen && is_over(*seen))
    seen->logs = read_prediction_logs(body);
  return seen;
}

} // namespace

caf::expected<webhook_read> read_replicate_delivery(const read_webhook& query,
                                                    const gpu_rates& rates) {
  auto body = parse_json(query.body);
  if (!body)
    return make_error(ec::validation_error, "body: not JSON");
  webhook_read result{query.ctx, {}};
  result.event_type
    = shortened(first_text(*body, {"type", "event_type"}), name_bytes_max);
  auto seen = read_job(*body, result.event_type, rates);
  if (!seen)
    return make_error(ec::validation_error, "body: names no prediction");
  result.seen = std::move(*seen);
  result.payload = payload_of(std::move(*body));
  return result;
}

} // namespace tunerd
