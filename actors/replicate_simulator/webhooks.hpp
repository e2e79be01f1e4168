#pragma once

#include "actors/replicate_simulator/prediction.hpp"
#include "actors/support/clocks.hpp"
#include "messages/http.hpp"

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace tunerd::simulated {

/// What goes wrong with webhooks: how many in a hundred, drawn for each alone.
struct webhook_faults {
  int64_t lost = 0;
  int64_t duplicate = 0;
  int64_t late = 0;
  /// How late.
  std::chrono::milliseconds late_by{10'000};
  /// Are preceded by one that somebody else signed, which says that the
  /// prediction has succeeded.
  int64_t forged = 0;

  /// Reads "lost", "duplicate", "late", "forged" (0 to 100) and "late_ms".
  /// @throws std::invalid_argument naming the field.
  static webhook_faults from_json(const nlohmann::json& in);

  nlohmann::json to_json() const;
};

/// One POST to the client.
struct delivery {
  http_request request;
  /// From now on.
  std::chrono::milliseconds delay{0};
  /// Replicate repeats the last event of a prediction until it is taken.
  bool may_be_repeated = false;
};

/// Makes what is sent about a change of a prediction, signed the standard way
/// over its raw bytes.
/// @param secret "whsec_" and base64.
/// @param body The prediction as the API shows it.
/// @param now Time of day of the provider.
std::vector<delivery> make_deliveries(const prediction& made,
                                      const std::string& secret,
                                      const nlohmann::json& body, timestamp now,
                                      const webhook_faults& faults,
                                      const random_source& random);

} // namespace tunerd::simulated
