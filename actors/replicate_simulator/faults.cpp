#include "actors/replicate_simulator/faults.hpp"

#include "actors/replicate_simulator/json_fields.hpp"

#include <array>

namespace tunerd::simulated {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::array routes{"submit", "get", "list", "cancel"};
constexpr std::array kinds{"status", "garbage",        "hang",
                           "close",  "unknown_status", "vanish"};
constexpr int64_t week_ms = 7 * 24 * 3'600'000;
constexpr int64_t endless = 1'000'000'000;

fault_kind read_kind(const json& in) {
  const auto name = read_text(in, "kind", "");
  for (size_t i = 0; i < kinds.size(); ++i)
    if (name == kinds[i])
      return static_cast<fault_kind>(i);
  throw std::invalid_argument{"kind: want status, garbage, hang, close, "
                              "unknown_status or vanish"};
}

milliseconds read_span(const json& in, const char* name) {
  return milliseconds{read_integer(in, name, 0, 0, week_ms)};
}

fault read_fault(const json& in, timestamp now) {
  require_object(in, "fault");
  require_known(in, {"kind", "status", "detail", "retry_after", "hint", "count",
                     "percent", "after_ms", "for_ms", "created"});
  fault result;
  result.kind = read_kind(in);
  result.status
    = static_cast<int>(read_integer(in, "status", result.status, 300, 599));
  const bool is_status = result.kind == fault_kind::unknown_status;
  result.detail
    = read_text(in, "detail", is_status ? "hibernating" : result.detail);
  result.retry_after = read_integer(in, "retry_after", -1, 0, 86'400);
  result.hint = read_hint(in);
  result.percent = read_integer(in, "percent", 100, 1, 100);
  result.after = read_span(in, "after_ms");
  result.lasts = read_span(in, "for_ms");
  // One that is over by itself hits all calls until then.
  result.count = read_integer(
    in, "count", result.lasts.count() > 0 ? endless : 1, 1, endless);
  result.created = read_bool(in, "created");
  result.since = now;
  return result;
}

std::deque<fault> read_faults(const json& in, const std::string& route,
                              timestamp now) {
  if (!in.is_array() || in.size() > fault_plan::faults_max)
    throw std::invalid_argument{route + ": want a list of at most "
                                + std::to_string(fault_plan::faults_max)
                                + " faults"};
  std::deque<fault> result;
  for (const auto& element : in) {
    result.push_back(read_fault(element, now));
    const auto kind = result.back().kind;
    if ((kind == fault_kind::vanish && route != "get" && route != "cancel")
        || (kind == fault_kind::unknown_status && route != "get"
            && route != "list"))
      throw std::invalid_argument{route + ": no place for that kind"};
  }
  return result;
}

bool is_over(const fault& x, timestamp now) {
  return x.lasts.count() > 0 && now >= x.since + x.after + x.lasts;
}

json shown(const fault& x) {
  json result{{"kind", kinds.at(static_cast<size_t>(x.kind))},
              {"count", x.count},
              {"created", x.created}};
  if (x.kind == fault_kind::status)
    result.update({{"status", x.status}, {"detail", x.detail}});
  if (x.kind == fault_kind::unknown_status)
    result["detail"] = x.detail;
  if (x.retry_after >= 0)
    result.update(
      {{"retry_after", x.retry_after}, {"hint", to_string(x.hint)}});
  if (x.percent < 100)
    result["percent"] = x.percent;
  if (x.after.count() > 0)
    result["after_ms"] = x.after.count();
  if (x.lasts.count() > 0)
    result["for_ms"] = x.lasts.count();
  return result;
}

} // namespace

void fault_plan::set(const json& wanted, timestamp now) {
  require_object(wanted, "faults");
  require_known(wanted,
                {"submit", "get", "list", "cancel", "latency_ms", "rate_limit",
                 "list_lag_ms", "clock_skew_ms", "webhooks"});
  auto changed = *this;
  for (const auto* route : routes)
    if (wanted.contains(route))
      changed.waiting_[route] = read_faults(wanted[route], route, now);
  if (wanted.contains("latency_ms"))
    changed.latency_ = latency::from_json(wanted["latency_ms"]);
  if (wanted.contains("rate_limit"))
    changed.meter_ = call_meter::from_json(wanted["rate_limit"]);
  if (wanted.contains("webhooks"))
    changed.webhooks_ = webhook_faults::from_json(wanted["webhooks"]);
  changed.list_lag_ = milliseconds{
    read_integer(wanted, "list_lag_ms", list_lag_.count(), 0, week_ms)};
  changed.clock_skew_ = milliseconds{read_integer(
    wanted, "clock_skew_ms", clock_skew_.count(), -week_ms, week_ms)};
  *this = std::move(changed);
}

std::optional<fault> fault_plan::next(const std::string& route, timestamp now,
                                      const random_source& random) {
  const auto found = waiting_.find(route);
  if (found == waiting_.end())
    return std::nullopt;
  auto& list = found->second;
  std::erase_if(list, [now](const fault& x) { return is_over(x, now); });
  const auto due
    = std::find_if(list.begin(), list.end(),
                   [now](const fault& x) { return now >= x.since + x.after; });
  if (due == list.end()
      || (due->percent < 100
          && static_cast<int64_t>(random() % 100) >= due->percent))
    return std::nullopt;
  auto result = *due;
  if (--due->count == 0)
    list.erase(due);
  return result;
}

json fault_plan::to_json() const {
  json result{{"latency_ms", latency_.to_json()},
              {"rate_limit", meter_.to_json()},
              {"list_lag_ms", list_lag_.count()},
              {"clock_skew_ms", clock_skew_.count()},
              {"webhooks", webhooks_.to_json()}};
  for (const auto* route : routes) {
    result[route] = json::array();
    if (const auto found = waiting_.find(route); found != waiting_.end())
      for (const auto& x : found->second)
        result[route].push_back(shown(x));
  }
  return result;
}

} // namespace tunerd::simulated
