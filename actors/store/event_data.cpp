#include "actors/store/event_data.hpp"

#include "messages/json.hpp"

#include <nlohmann/json.hpp>

namespace tunerd::sql {

namespace {

using json = nlohmann::ordered_json;

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

event status_event(const job& x, caf::optional<job_status> previous,
                   change_source source, timestamp now) {
  auto result = about(x, "job_status_changed", now);
  json data{{"type", result.type},
            {"job_id", x.id},
            {"status", to_string(x.status)},
            {"previous_status", nullptr},
            {"source", to_string(source)},
            {"timestamp", utc_text(now)},
            {"correlation_id", x.correlation_id}};
  if (previous)
    data["previous_status"] = to_string(*previous);
  if (!x.user_id.empty())
    data["user_id"] = id_json(x.user_id);
  if (!x.org_id.empty())
    data["org_id"] = id_json(x.org_id);
  result.data = text(data);
  return result;
}

event queue_event(const job& x, timestamp now) {
  auto result = about(x, "queue_changed", now);
  result.data = text({{"type", result.type},
                      {"job_id", x.id},
                      {"queue_status", to_string(x.queue)},
                      {"timestamp", utc_text(now)},
                      {"correlation_id", x.correlation_id}});
  return result;
}

event limits_event(const context& ctx, timestamp now) {
  event result{.id = 0, .time = now, .type = "limits_changed"};
  result.correlation_id = ctx.correlation_id;
  result.data = text({{"type", result.type},
                      {"timestamp", utc_text(now)},
                      {"correlation_id", ctx.correlation_id}});
  return result;
}

} // namespace tunerd::sql
