#include "actors/store/cost_limit.hpp"

#include "actors/store/texts.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

namespace tunerd::sql {

namespace {

using nlohmann::json;

constexpr double micros_per_usd = 1e6;
constexpr double usd_max = 1e12;
constexpr double cost_max = 1e15;
constexpr int64_t warning_percent = 80;

/// @returns the value of `key`: none if it is not there, `discarded` if it
/// cannot be read.
std::optional<json> find(const std::map<std::string, std::string>& settings,
                         const std::string& key) {
  const auto i = settings.find(key);
  if (i == settings.end())
    return std::nullopt;
  auto value = json::parse(i->second, nullptr, false);
  if (value.is_null())
    return std::nullopt;
  return value;
}

int64_t parse_amount(const std::optional<json>& value) {
  if (!value || !value->is_number())
    return 0;
  const auto usd = value->get<double>();
  if (!(usd >= 0))
    return 0;
  return std::llround(std::min(usd, usd_max) * micros_per_usd);
}

int64_t days_of(const std::string& period) {
  if (period == "daily")
    return 1;
  if (period == "weekly")
    return 7;
  return period == "monthly" ? 30 : 365;
}

std::string name_of(const cost_limit& x) {
  return "Cost limit of " + usd_text(x.amount_micros) + " (" + x.period
         + ") for " + x.provider;
}

/// @returns whole percents, as far as they can be told.
int64_t percent(int64_t spent, int64_t limit) {
  if (limit <= 0)
    return 100;
  const auto exact
    = static_cast<double>(spent) * 100 / static_cast<double>(limit);
  return static_cast<int64_t>(std::min(exact, 1e6));
}

} // namespace

cost_limit
parse_cost_limit(std::string provider,
                 const std::map<std::string, std::string>& settings) {
  cost_limit result{std::move(provider)};
  const auto enabled = find(settings, "enabled");
  // Not `!=`: what cannot be read is neither equal nor unequal.
  result.is_enabled = enabled && !(*enabled == json(false));
  result.amount_micros = parse_amount(find(settings, "amount"));
  if (const auto period = find(settings, "period")) {
    const auto* text = period->get_ptr<const std::string*>();
    result.period = text != nullptr && days_of(*text) < 365 ? *text : "yearly";
  }
  if (const auto action = find(settings, "action"))
    result.blocks = !(*action == json("warn"));
  return result;
}

caf::timespan span_of(const cost_limit& limit) {
  return std::chrono::hours{24} * days_of(limit.period);
}

bool leaves_room(const cost_limit& limit, int64_t spent, int64_t wanted) {
  return !limit.is_enabled
         || (spent < limit.amount_micros
             && wanted <= limit.amount_micros - spent);
}

std::string no_room_text(const cost_limit& limit, int64_t spent,
                         int64_t wanted) {
  return name_of(limit) + " leaves no room: " + usd_text(spent)
         + " spent or reserved, this job may cost " + usd_text(wanted);
}

cost_limit_status status_of(const cost_limit& limit, int64_t spent) {
  cost_limit_status result;
  result.enabled = limit.is_enabled;
  result.limit_micros = limit.amount_micros;
  result.period = limit.period;
  result.action = limit.blocks ? "block" : "warn";
  result.spent_micros = spent;
  if (!limit.is_enabled)
    return result;
  const auto used = percent(spent, limit.amount_micros);
  result.is_exceeded = spent >= limit.amount_micros;
  result.is_warning = result.is_exceeded || used >= warning_percent;
  if (result.is_exceeded)
    result.message = name_of(limit) + " is reached: " + usd_text(spent)
                     + " spent or reserved";
  else if (result.is_warning)
    result.message = name_of(limit) + " is used to " + std::to_string(used)
                     + " %: " + usd_text(spent) + " spent or reserved";
  return result;
}

int64_t cost_of(int64_t rate, caf::timespan span) {
  if (rate <= 0 || span.count() <= 0)
    return 0;
  // Nano-USD per second times nanoseconds, as double: it overflows 64 bits.
  const auto micros
    = static_cast<double>(rate) * static_cast<double>(span.count()) / 1e12;
  return static_cast<int64_t>(std::ceil(std::min(micros, cost_max)));
}

} // namespace tunerd::sql
