#include "actors/supervisor/worker_status.hpp"

#include "messages/json.hpp"

#include <nlohmann/json.hpp>

namespace tunerd {

event worker_status_event(const context& ctx, const worker_state& worker,
                          timestamp now) {
  using json = nlohmann::ordered_json;
  json data{{"type", "worker_status"},
            {"worker", worker.name},
            {"state", to_string(worker.phase)},
            {"restarts", worker.restarts}};
  if (!worker.last_error.empty())
    data["error"] = worker.last_error;
  data["timestamp"] = utc_text(now);
  data["correlation_id"] = ctx.correlation_id;
  event result{.type = "worker_status", .correlation_id = ctx.correlation_id};
  // What an exception says need not be UTF-8.
  result.data = data.dump(-1, ' ', false, json::error_handler_t::replace);
  return result;
}

} // namespace tunerd
