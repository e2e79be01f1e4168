#pragma once

#include "actors/support/clocks.hpp"

#include <chrono>
#include <nlohmann/json_fwd.hpp>

namespace tunerd::simulated {

/// How long answers are held back: a constant, anything between two bounds, or
/// a median with a long tail (log-normal).
class latency {
public:
  enum class shape : uint8_t { constant, uniform, long_tail };

  /// Reads milliseconds, {"low", "high"} or {"median", "p99"}, each 0 to
  /// 300000. @throws std::invalid_argument naming what is wrong.
  static latency from_json(const nlohmann::json& in);

  /// @returns the next one, at most five minutes.
  std::chrono::milliseconds next(const random_source& random) const;

  /// @returns the form that `from_json` reads.
  nlohmann::json to_json() const;

private:
  shape shape_ = shape::constant;
  /// The constant, the low bound or the median.
  std::chrono::milliseconds first_{0};
  /// The high bound or the 99th percentile.
  std::chrono::milliseconds second_{0};
};

} // namespace tunerd::simulated
