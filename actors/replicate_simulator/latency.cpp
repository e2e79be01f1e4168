#include "actors/replicate_simulator/latency.hpp"

#include "actors/replicate_simulator/json_fields.hpp"

#include <cmath>

namespace tunerd::simulated {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr int64_t longest = 300'000;

milliseconds read(const json& in, const char* name) {
  if (!in.contains(name))
    throw std::invalid_argument{std::string{"latency_ms: want "} + name};
  return milliseconds{read_integer(in, name, 0, 0, longest)};
}

/// @returns a number from above 0 to 1.
double fraction(const random_source& random) {
  return static_cast<double>((random() >> 11) + 1) * 0x1p-53;
}

/// Box and Muller's. @returns a standard normal number.
double normal(const random_source& random) {
  const auto radius = std::sqrt(-2 * std::log(fraction(random)));
  return radius * std::cos(2 * 3.14159265358979323846 * fraction(random));
}

} // namespace

latency latency::from_json(const json& in) {
  latency result;
  if (in.is_number()) {
    result.first_ = milliseconds{
      read_integer({{"latency_ms", in}}, "latency_ms", 0, 0, longest)};
    return result;
  }
  require_object(in, "latency_ms");
  const bool is_uniform = in.contains("low");
  const auto* low = is_uniform ? "low" : "median";
  const auto* high = is_uniform ? "high" : "p99";
  require_known(in, {low, high});
  result.shape_ = is_uniform ? shape::uniform : shape::long_tail;
  result.first_ = read(in, low);
  result.second_ = read(in, high);
  if (result.second_ < result.first_)
    throw std::invalid_argument{std::string{"latency_ms: want "} + high
                                + " to be at least " + low};
  return result;
}

milliseconds latency::next(const random_source& random) const {
  if (shape_ == shape::constant || first_ == second_)
    return first_;
  if (shape_ == shape::uniform) {
    const auto span = static_cast<uint64_t>((second_ - first_).count()) + 1;
    return first_ + milliseconds{random() % span};
  }
  // 99 of 100 normal numbers are below 2.326.
  const auto median = std::max<double>(1, static_cast<double>(first_.count()));
  const auto sigma
    = std::log(std::max<double>(1, static_cast<double>(second_.count()))
               / median)
      / 2.326;
  const auto value = median * std::exp(sigma * normal(random));
  return milliseconds{
    std::llround(std::min(value, static_cast<double>(longest)))};
}

json latency::to_json() const {
  switch (shape_) {
    case shape::uniform:
      return {{"low", first_.count()}, {"high", second_.count()}};
    case shape::long_tail:
      return {{"median", first_.count()}, {"p99", second_.count()}};
    case shape::constant: break;
  }
  return first_.count();
}

} // namespace tunerd::simulated
