#include "actors/supervisor/worker_status.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <cstdio>

namespace tunerd {

namespace {

/// @returns `time` as "2024-01-15T10:30:00.000Z".
std::string to_iso8601(timestamp time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<milliseconds>(time - day)};
  std::array<char, 64> text{};
  std::snprintf(
    text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
    static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
    static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
    static_cast<int>(clock.minutes().count()),
    static_cast<int>(clock.seconds().count()),
    static_cast<int>(clock.subseconds().count()));
  return text.data();
}

} // namespace

event worker_status_event(const context& ctx, const worker_state& worker,
                          timestamp now) {
  using json = nlohmann::ordered_json;
  json data{{"type", "worker_status"},
            {"worker", worker.name},
            {"state", to_string(worker.phase)},
            {"restarts", worker.restarts}};
  if (!worker.last_error.empty())
    data["error"] = worker.last_error;
  data["timestamp"] = to_iso8601(now);
  data["correlation_id"] = ctx.correlation_id;
  event result{.type = "worker_status", .correlation_id = ctx.correlation_id};
  // What an exception says need not be UTF-8.
  result.data = data.dump(-1, ' ', false, json::error_handler_t::replace);
  return result;
}

} // namespace tunerd
