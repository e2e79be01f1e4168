#pragma once

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
};

/// What happens to the next calls of one route.
struct fault {
  fault_kind kind = fault_kind::status;
  int status = 500;
  std::string detail = "simulated fault";
  /// Seconds, as header `Retry-After`; none if negative.
  int64_t retry_after = -1;
  /// How many calls it hits.
  int64_t count = 1;
  /// Whether the call (submit: the creation, cancel: the cancellation) takes
  /// effect although the client gets the fault.
  bool created = false;
};

/// The faults that wait for calls, in order, per route.
class fault_plan {
public:
  static constexpr size_t faults_max = 1'000;

  /// Replaces what `wanted` names and keeps the rest: "submit", "get", "list",
  /// "cancel" (lists of faults) and "latency_ms" (0 to 300000).
  /// @throws std::invalid_argument naming the first bad field; changes nothing.
  void set(const nlohmann::json& wanted);

  /// @returns the fault for the next call of `route`, used up by one.
  std::optional<fault> next(const std::string& route);

  /// @returns how long every answer of the API is held back.
  std::chrono::milliseconds latency() const {
    return latency_;
  }

  /// @returns what is left, in the form `set` reads.
  nlohmann::json to_json() const;

private:
  std::map<std::string, std::deque<fault>> waiting_;
  std::chrono::milliseconds latency_{0};
};

} // namespace tunerd::simulated
