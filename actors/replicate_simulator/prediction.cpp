#include "actors/replicate_simulator/prediction.hpp"

#include "actors/replicate_simulator/iso_time.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace tunerd::simulated {

namespace {

using nlohmann::json;

constexpr int64_t steps = 10;

json time_or_null(const std::optional<timestamp>& time) {
  return time ? json(iso_time(*time)) : json(nullptr);
}

/// @returns how many of the steps are done at `now`.
int64_t steps_done(const prediction& made, timestamp now) {
  if (!made.started_at)
    return 0;
  if (made.status == prediction_status::succeeded)
    return steps;
  const auto until = made.completed_at.value_or(now);
  const auto run
    = std::max(made.what.becomes.run, std::chrono::milliseconds{1});
  return std::clamp<int64_t>((until - *made.started_at) * steps / run, 0,
                             steps);
}

/// Lines as a trainer writes them: its stages, and one per step.
std::string logs(const prediction& made, timestamp now) {
  if (!made.started_at)
    return {};
  std::string text = "Preprocessing images\n";
  const auto done = steps_done(made, now);
  for (int64_t step = 1; step <= done; ++step) {
    if (step == 1)
      text += "Warmup\nTraining\n";
    text += "step " + std::to_string(step) + "/" + std::to_string(steps) + "\n";
    if (step == steps / 2)
      text += "Validation\nTraining\n";
  }
  if (done == steps)
    text += "Saving checkpoint\n";
  return text;
}

json metrics(const prediction& made) {
  using seconds = std::chrono::duration<double>;
  auto result = json::object();
  if (made.started_at && made.completed_at)
    result["predict_time"]
      = seconds{*made.completed_at - *made.started_at}.count();
  if (made.completed_at)
    result["total_time"]
      = seconds{*made.completed_at - made.created_at}.count();
  return result;
}

json urls(const prediction& made, const std::string& base_url) {
  const auto self = base_url + "/predictions/" + made.id;
  return {{"get", self},
          {"cancel", self + "/cancel"},
          {"web", "https://simulator.invalid/p/" + made.id}};
}

} // namespace

std::string to_string(prediction_status status) {
  constexpr std::array names{"starting", "processing", "succeeded",
                             "failed",   "canceled",   "aborted"};
  return names.at(static_cast<size_t>(status));
}

void note_correlation_id(prediction& made, const std::string& correlation_id) {
  auto& seen = made.correlation_ids;
  if (correlation_id.empty() || seen.size() >= made.correlation_ids_max
      || std::find(seen.begin(), seen.end(), correlation_id) != seen.end())
    return;
  seen.push_back(correlation_id);
}

json to_json(const prediction& made, timestamp now, const std::string& base_url,
             std::chrono::milliseconds data_kept) {
  const auto& version = made.what.version;
  const auto colon = version.rfind(':');
  const bool removed
    = made.completed_at && now >= *made.completed_at + data_kept;
  const bool succeeded = made.status == prediction_status::succeeded;
  json result{
    {"id", made.id},
    {"model", colon == std::string::npos ? "simulated/trainer"
                                         : version.substr(0, colon)},
    {"version", version.substr(colon + 1)}, // npos + 1 is 0
    {"status", to_string(made.status)},
    {"input", json::object()},
    {"output", nullptr},
    {"error", nullptr},
    {"logs", ""},
    {"created_at", iso_time(made.created_at)},
    {"started_at", time_or_null(made.started_at)},
    {"completed_at", time_or_null(made.completed_at)},
    {"metrics", metrics(made)},
    {"source", "api"},
    {"data_removed", removed},
    {"urls", urls(made, base_url)},
  };
  if (made.status == prediction_status::failed)
    result["error"] = made.what.becomes.error;
  if (removed)
    return result;
  result["input"] = json::parse(made.what.input);
  result["logs"] = logs(made, now);
  if (succeeded)
    result["output"] = "https://simulator.invalid/" + made.id + "/output.tar";
  return result;
}

} // namespace tunerd::simulated
