#include "actors/sse_broadcaster/sse_encoder.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <cstdio>

namespace tunerd {

namespace {

/// Keeps the order in which keys were added.
using json = nlohmann::ordered_json;

/// Deeper data would cost stack when written; nobody sends such.
constexpr int depth_max = 32;

constexpr int64_t retry_milliseconds = 3'000;

/// @returns the JSON object in `text`, without what lies too deep; an empty
/// object if there is none.
json parse_object(const std::string& text) {
  auto is_shallow
    = [](int depth, json::parse_event_t, json&) { return depth <= depth_max; };
  auto result = json::parse(text, is_shallow, false);
  return result.is_object() ? result : json::object();
}

/// Removes what no subscriber may see, whoever wrote the event.
void remove_raw(json& object) {
  object.erase("input");
  object.erase("logs");
}

void set_unless_empty(json& object, const char* key, const std::string& value) {
  if (!value.empty())
    object[key] = value;
}

std::string dump(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string data_of(const event& subject) {
  auto stored = parse_object(subject.data);
  remove_raw(stored);
  if (auto i = stored.find("payload"); i != stored.end() && i->is_object())
    remove_raw(*i);
  json result;
  result["type"] = subject.type;
  set_unless_empty(result, "job_id", subject.job_id);
  for (auto& [key, value] : stored.items())
    if (!result.contains(key))
      result[key] = std::move(value);
  if (!result.contains("user_id"))
    set_unless_empty(result, "user_id", subject.user_id);
  if (!result.contains("org_id"))
    set_unless_empty(result, "org_id", subject.org_id);
  result["timestamp"] = to_iso_time(subject.time);
  set_unless_empty(result, "correlation_id", subject.correlation_id);
  return dump(result);
}

/// Documented clients read these in `message` handlers.
bool is_unnamed(std::string_view type) {
  return type == "job_status_changed" || type == "approval_expired";
}

std::string frame(int64_t id, std::string_view name, std::string_view data) {
  auto result = "id: " + std::to_string(id) + '\n';
  if (!name.empty())
    result.append("event: ").append(name).append("\n");
  return result.append("data: ").append(data).append("\n\n");
}

std::string to_string(gap_reason reason) {
  switch (reason) {
    case gap_reason::malformed_id: return "malformed_id";
    case gap_reason::future_id: return "future_id";
    case gap_reason::expired: return "expired";
  }
  return "expired";
}

} // namespace

event_frame_ptr encode(const event& subject) {
  if (!is_streamed(subject.type))
    return nullptr;
  const auto name = is_unnamed(subject.type) ? std::string{} : subject.type;
  return std::make_shared<const event_frame>(
    event_frame{subject.id, subject.type, subject.job_id, subject.user_id,
                subject.org_id, frame(subject.id, name, data_of(subject))});
}

std::string connection_frame(int64_t id) {
  const json data = {{"type", "connected"},
                     {"message", "Connected to the tunerd event stream"}};
  return "retry: " + std::to_string(retry_milliseconds) + '\n'
         + frame(id, "connection", dump(data));
}

std::string heartbeat_frame(int64_t id, timestamp now) {
  const json data = {{"type", "heartbeat"}, {"timestamp", to_iso_time(now)}};
  return frame(id, "heartbeat", dump(data));
}

std::string gap_frame(const event_gap& gap) {
  const json data = {{"type", "gap"},
                     {"from", gap.from},
                     {"to", gap.to},
                     {"reason", to_string(gap.reason)}};
  return frame(gap.to, "gap", dump(data));
}

std::string retry_hint(int64_t milliseconds) {
  return "retry: " + std::to_string(milliseconds) + "\n\n";
}

std::string to_iso_time(timestamp when) {
  using namespace std::chrono;
  const auto day = floor<days>(when);
  const year_month_day date{day};
  const hh_mm_ss time{floor<milliseconds>(when - day)};
  std::array<char, 64> text{};
  const auto size = std::snprintf(
    text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
    static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
    static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
    static_cast<int>(time.minutes().count()),
    static_cast<int>(time.seconds().count()),
    static_cast<int>(time.subseconds().count()));
  return {text.data(), static_cast<size_t>(size)};
}

} // namespace tunerd
