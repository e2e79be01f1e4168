#include "actors/store/event_data.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace tunerd::sql {

namespace {

using json = nlohmann::ordered_json;

/// @returns `id` as a number if it is written like one: SimpleTuner's ids are
/// integers, ours may be any text.
json id_value(const std::string& id) {
  constexpr size_t digits_max = 18; // fits int64
  const auto digits = std::all_of(id.begin(), id.end(),
                                  [](char c) { return c >= '0' && c <= '9'; });
  const auto canonical = id == "0" || id.front() != '0';
  if (digits && canonical && id.size() <= digits_max)
    return std::stoll(id);
  return id;
}

std::string text(const json& x) {
  return x.dump(-1, ' ', false, json::error_handler_t::replace);
}

event about(const job& x, std::string type, timestamp now) {
  return {.id = 0,
          .time = now,
          .type = std::move(type),
          .job_id = x.id,
          .user_id = x.user_id,
          .org_id = x.org_id,
          .correlation_id = x.correlation_id};
}

} // namespace

std::string iso_time(timestamp time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<milliseconds>(time - day)};
  char out[48];
  std::snprintf(out, sizeof(out), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                int{date.year()}, unsigned{date.month()}, unsigned{date.day()},
                static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return out;
}

event status_event(const job& x, caf::optional<job_status> previous,
                   change_source source, timestamp now) {
  auto result = about(x, "job_status_changed", now);
  json data{{"type", result.type},
            {"job_id", x.id},
            {"status", to_string(x.status)},
            {"previous_status", nullptr},
            {"source", to_string(source)},
            {"timestamp", iso_time(now)},
            {"correlation_id", x.correlation_id}};
  if (previous)
    data["previous_status"] = to_string(*previous);
  if (!x.user_id.empty())
    data["user_id"] = id_value(x.user_id);
  if (!x.org_id.empty())
    data["org_id"] = id_value(x.org_id);
  result.data = text(data);
  return result;
}

event queue_event(const job& x, timestamp now) {
  auto result = about(x, "queue_changed", now);
  result.data = text({{"type", result.type},
                      {"job_id", x.id},
                      {"queue_status", to_string(x.queue)},
                      {"timestamp", iso_time(now)},
                      {"correlation_id", x.correlation_id}});
  return result;
}

event limits_event(const context& ctx, timestamp now) {
  event result{.id = 0, .time = now, .type = "limits_changed"};
  result.correlation_id = ctx.correlation_id;
  result.data = text({{"type", result.type},
                      {"timestamp", iso_time(now)},
                      {"correlation_id", ctx.correlation_id}});
  return result;
}

} // namespace tunerd::sql
