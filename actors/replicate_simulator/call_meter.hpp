#pragma once

#include "messages/context.hpp"

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace tunerd::simulated {

/// How a client is told when to come back.
enum class wait_hint : uint8_t {
  /// `Retry-After: 30`
  seconds,
  /// `Retry-After: Sun, 06 Nov 2094 08:49:37 GMT`
  date,
  /// Only in the text: "... resets in ~30s."
  detail,
  /// Not at all.
  none,
};

/// Reads its name. @throws std::invalid_argument.
wait_hint read_hint(const nlohmann::json& in);

std::string to_string(wait_hint hint);

/// Replicate's rate limits: so many calls of a kind in each minute, which
/// begins with its first call. 0 is no limit.
class call_meter {
public:
  /// Reads "creates_per_minute", "requests_per_minute" and "hint".
  /// @throws std::invalid_argument naming the field.
  static call_meter from_json(const nlohmann::json& in);

  /// Counts a call. @returns how long the client is to wait, if it is one too
  /// many.
  std::optional<std::chrono::seconds> count(bool creates, timestamp now);

  wait_hint hint() const {
    return hint_;
  }

  nlohmann::json to_json() const;

private:
  struct window {
    int64_t limit = 0;
    timestamp begin = {};
    int64_t used = 0;
  };

  window creates_;
  window others_;
  wait_hint hint_ = wait_hint::seconds;
};

} // namespace tunerd::simulated
