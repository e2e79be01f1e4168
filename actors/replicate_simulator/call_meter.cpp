#include "actors/replicate_simulator/call_meter.hpp"

#include "actors/replicate_simulator/json_fields.hpp"

#include <array>

namespace tunerd::simulated {

namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::array hints{"seconds", "date", "detail", "none"};
constexpr int64_t limit_max = 1'000'000'000;

} // namespace

wait_hint read_hint(const json& in) {
  const auto name = read_text(in, "hint", "seconds");
  for (size_t i = 0; i < hints.size(); ++i)
    if (name == hints[i])
      return static_cast<wait_hint>(i);
  throw std::invalid_argument{"hint: want seconds, date, detail or none"};
}

std::string to_string(wait_hint hint) {
  return hints.at(static_cast<size_t>(hint));
}

call_meter call_meter::from_json(const json& in) {
  require_object(in, "rate_limit");
  require_known(in, {"creates_per_minute", "requests_per_minute", "hint"});
  call_meter result;
  result.creates_.limit
    = read_integer(in, "creates_per_minute", 0, 0, limit_max);
  result.others_.limit
    = read_integer(in, "requests_per_minute", 0, 0, limit_max);
  result.hint_ = read_hint(in);
  return result;
}

std::optional<std::chrono::seconds> call_meter::count(bool creates,
                                                      timestamp now) {
  auto& x = creates ? creates_ : others_;
  if (x.used == 0 || now >= x.begin + 1min) {
    x.begin = now;
    x.used = 0;
  }
  ++x.used;
  if (x.limit == 0 || x.used <= x.limit)
    return std::nullopt;
  return std::chrono::ceil<std::chrono::seconds>(x.begin + 1min - now);
}

json call_meter::to_json() const {
  return {{"creates_per_minute", creates_.limit},
          {"requests_per_minute", others_.limit},
          {"hint", to_string(hint_)}};
}

} // namespace tunerd::simulated
