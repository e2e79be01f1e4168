#include "actors/store/texts.hpp"

namespace tunerd::sql {

namespace {

constexpr int64_t micros_per_usd = 1'000'000;

} // namespace

std::string usd_text(int64_t micros) {
  const std::string sign = micros < 0 ? "-$" : "$";
  const auto whole = micros / micros_per_usd;
  const auto rest = micros % micros_per_usd;
  auto decimals = std::to_string(micros_per_usd + (rest < 0 ? -rest : rest));
  decimals.front() = '.';
  while (decimals.size() > 3 && decimals.back() == '0')
    decimals.pop_back();
  return sign + std::to_string(whole < 0 ? -whole : whole) + decimals;
}

std::string span_text(caf::timespan span) {
  using namespace std::chrono;
  if (span < seconds{1})
    return std::to_string(duration_cast<milliseconds>(span).count()) + "ms";
  const auto total = duration_cast<seconds>(span).count();
  auto result = std::to_string(total % 60) + "s";
  if (total >= 60)
    result = std::to_string(total / 60 % 60) + "m " + result;
  if (total >= 3'600)
    result = std::to_string(total / 3'600) + "h " + result;
  return result;
}

} // namespace tunerd::sql
