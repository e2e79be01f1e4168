#pragma once

#include "messages/context.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace tunerd::simulated {

/// Names are Replicate's.
enum class prediction_status : uint8_t {
  starting,
  processing,
  succeeded,
  failed,
  canceled,
  /// Its lifetime was over before it started.
  aborted,
};

std::string to_string(prediction_status status);

/// @returns whether `status` is never left again.
constexpr bool is_over(prediction_status status) {
  return status >= prediction_status::succeeded;
}

/// What becomes of a prediction that nobody cancels.
struct fate {
  /// From its creation to its start.
  std::chrono::milliseconds queue{1'000};
  /// From its start to its end.
  std::chrono::milliseconds run{4'000};
  prediction_status outcome = prediction_status::succeeded;
  /// Its `error`, unless it succeeds.
  std::string error = {};
};

/// A well-formed request to create a prediction.
struct submission {
  /// As sent: "owner/model:hash" or the hash.
  std::string version;
  /// JSON text of an object.
  std::string input;
  fate becomes = {};
  /// What the input says under the configured names; empty if nothing.
  std::string user = {};
  std::string job = {};
  /// Equal for equal work.
  std::string fingerprint = {};
  /// Where its changes are told; empty for nowhere.
  std::string webhook_url = {};
  bool tells_start = true;
  bool tells_end = true;
  /// From its creation until it is cancelled if it is not over; none: never.
  std::optional<std::chrono::milliseconds> lifetime = {};
};

/// What was asked for, in all or under one marker.
struct tally {
  uint64_t submissions = 0;
  /// Submissions that made a prediction.
  uint64_t created = 0;
  /// In `processing`.
  uint64_t running = 0;
  uint64_t running_max = 0;
  /// In `starting` or `processing`: what costs or soon will.
  uint64_t active = 0;
  uint64_t active_max = 0;
};

/// One prediction, as of the last time its model advanced.
struct prediction {
  /// Rises with each creation; its place in the list.
  uint64_t serial = 0;
  std::string id = {};
  submission what;
  prediction_status status = prediction_status::starting;
  timestamp created_at = {};
  std::optional<timestamp> started_at = {};
  std::optional<timestamp> completed_at = {};
  uint64_t polls = 0;
  /// Distinct, in the order of their first appearance; at most
  /// `correlation_ids_max`, later ones are not noted.
  std::vector<std::string> correlation_ids = {};
  /// Where it is counted.
  std::vector<tally*> counted_in = {};

  static constexpr size_t correlation_ids_max = 64;
};

/// Notes that a call about `made` carried `correlation_id`; empty is none.
void note_correlation_id(prediction& made, const std::string& correlation_id);

/// @returns `made` as Replicate shows it at `now`.
/// @param base_url E.g. "http://127.0.0.1:8771/v1"; begins its `urls`.
/// @param data_kept How long after its end it shows input, output and logs.
nlohmann::json to_json(const prediction& made, timestamp now,
                       const std::string& base_url,
                       std::chrono::milliseconds data_kept);

} // namespace tunerd::simulated
