#pragma once

#include "actors/replicate_simulator/call_meter.hpp"
#include "actors/replicate_simulator/latency.hpp"
#include "actors/replicate_simulator/webhooks.hpp"
#include "messages/context.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace tunerd::simulated {

enum class fault_kind : uint8_t {
  /// Answers `status` instead.
  status,
  /// Answers 200 with half a JSON text.
  garbage,
  /// Never answers.
  hang,
  /// Closes the connection.
  close,
  /// Answers with `detail` in place of the prediction's status.
  unknown_status,
  /// Forgets the prediction for ever, so that this call is the first 404.
  vanish,
};

/// What happens to some calls of one route.
struct fault {
  fault_kind kind = fault_kind::status;
  int status = 500;
  std::string detail = "simulated fault";
  /// Seconds that the client is told to wait; none if negative.
  int64_t retry_after = -1;
  /// How it is told.
  wait_hint hint = wait_hint::seconds;
  /// How many calls it hits.
  int64_t count = 1;
  /// Of a hundred calls while it is due.
  int64_t percent = 100;
  /// It is due from then on, after the plan was made, ...
  std::chrono::milliseconds after{0};
  /// ... for so long; 0 is for ever.
  std::chrono::milliseconds lasts{0};
  /// Whether the call (submit: the creation, cancel: the cancellation) takes
  /// effect although the client gets the fault.
  bool created = false;
  /// When the plan was made.
  timestamp since = {};
};

/// The faults that wait for calls, in order, per route, and what is wrong with
/// the provider as a whole.
class fault_plan {
public:
  static constexpr size_t faults_max = 1'000;

  /// Replaces what `wanted` names and keeps the rest; docs/SIMULATOR.md has the
  /// keys. @throws std::invalid_argument naming the first bad field; changes
  /// nothing.
  void set(const nlohmann::json& wanted, timestamp now);

  /// @returns the first fault that is due for the next call of `route`, used up
  /// by one.
  std::optional<fault> next(const std::string& route, timestamp now,
                            const random_source& random);

  /// @returns how long the next answer of the API is held back.
  std::chrono::milliseconds next_latency(const random_source& random) const {
    return latency_.next(random);
  }

  /// How many calls the account has.
  call_meter& meter() {
    return meter_;
  }

  /// How old a prediction is when the list first shows it.
  std::chrono::milliseconds list_lag() const {
    return list_lag_;
  }

  /// How far the provider's clock is ahead.
  std::chrono::milliseconds clock_skew() const {
    return clock_skew_;
  }

  const webhook_faults& webhooks() const {
    return webhooks_;
  }

  /// @returns what is left, in the form `set` reads.
  nlohmann::json to_json() const;

private:
  std::map<std::string, std::deque<fault>> waiting_;
  latency latency_;
  call_meter meter_;
  std::chrono::milliseconds list_lag_{0};
  std::chrono::milliseconds clock_skew_{0};
  webhook_faults webhooks_;
};

} // namespace tunerd::simulated
