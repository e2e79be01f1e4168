#include "actors/http_gateway/http_gateway.hpp"
#include "actors/http_gateway/queries.hpp"

#include <nlohmann/json.hpp>

#include <caf/actor_cast.hpp>

#include <algorithm>

// Health, and the list of workers.

namespace tunerd {

using nlohmann::ordered_json;

namespace {

/// @returns who keeps the daemon from being ready; "" if it is.
std::string not_running(const worker_list& list) {
  std::string names;
  for (const auto& worker : list.workers)
    if (worker.phase != worker_phase::running)
      names.append(names.empty() ? "" : ", ").append(worker.name);
  return list.workers.empty() ? "the supervisor does not answer" : names;
}

ordered_json component_of(const worker_state& x) {
  const auto running = x.phase == worker_phase::running;
  ordered_json out = {{"name", "worker_" + x.name},
                      {"status", running ? "healthy" : "degraded"}};
  if (!running)
    out["message"] = to_string(x.phase);
  return out;
}

/// @param database The component of the database, which alone decides whether
/// the whole is unhealthy.
ordered_json components(ordered_json database, const worker_list& list) {
  auto out = ordered_json::array({std::move(database)});
  for (const auto& worker : list.workers)
    out.push_back(component_of(worker));
  if (list.workers.empty())
    out.push_back({{"name", "supervisor"},
                   {"status", "degraded"},
                   {"message", "no answer"}});
  return out;
}

/// @returns the worst status that counts.
std::string whole(const ordered_json& parts) {
  if (parts[0]["status"] != "healthy")
    return "unhealthy";
  const auto fine = std::all_of(parts.begin(), parts.end(), [](const auto& x) {
    return x["status"] == "healthy";
  });
  return fine ? "healthy" : "degraded";
}

} // namespace

void http_gateway_state::show_summary(const call& x) {
  answer(x, {{"status", "healthy"}, {"mode", settings.mode}});
}

void http_gateway_state::show_ready(const call& x) {
  with_workers(x, [this, x](const worker_list& list) {
    const auto missing = not_running(list);
    if (missing.empty())
      return answer(x, {{"status", "ready"}});
    refuse(x, {.status = 503,
               .error = "not_ready",
               .message = "not ready: " + missing,
               .retry_after_seconds = 1});
  });
}

void http_gateway_state::show_health(const call& x) {
  auto parsed = rest::parse_health(x->query_parameters);
  if (auto* bad = std::get_if<rest::refusal>(&parsed))
    return refuse(x, *bad);
  const auto notes = std::get<rest::read_request<get_limits>>(parsed).warnings;
  const auto began = self->clock().now();
  const auto then = [this, x, notes](const ordered_json& database) {
    with_workers(x, [=, this](const worker_list& list) {
      answer_health(x, components(database, list), notes);
    });
  };
  self->ask(
    store, settings.health_timeout, get_limits{x->ctx},
    [this, then, began](const limits_in_force&) {
      const std::chrono::duration<double, std::milli> took
        = self->clock().now() - began;
      then({{"name", "database"},
            {"status", "healthy"},
            {"latency_ms", took.count()}});
    },
    [then](const caf::error& err) {
      then({{"name", "database"},
            {"status", "unhealthy"},
            {"message", to_string(code_of(err))}});
    });
}

void http_gateway_state::answer_health(const call& x, const ordered_json& parts,
                                       const std::vector<std::string>& notes) {
  const auto now = settings.world.now();
  const auto uptime = std::max(now - settings.started_at, caf::timespan{0});
  ordered_json body
    = {{"status", whole(parts)},
       {"version", settings.version},
       {"uptime_seconds",
        std::chrono::duration_cast<std::chrono::seconds>(uptime).count()},
       {"timestamp", utc_text(now)},
       {"components", parts}};
  if (!notes.empty())
    body["warnings"] = notes;
  answer(x, body);
}

void http_gateway_state::show_workers(const call& x) {
  with_workers(x, [this, x](const worker_list& list) {
    if (list.workers.empty())
      return refuse(x, rest::unavailable("the supervisor does not answer"));
    auto workers = ordered_json::array();
    for (const auto& worker : list.workers)
      workers.push_back(worker_json(worker));
    answer(x, {{"workers", std::move(workers)}});
  });
}

void http_gateway_state::with_workers(
  const call& x, std::function<void(const worker_list&)> then) {
  auto ptr = caf::actor_cast<caf::strong_actor_ptr>(supervisor);
  if (!ptr)
    return then({});
  self->ask(
    caf::actor_cast<supervisor_actor>(ptr), settings.health_timeout,
    get_workers{x->ctx}, [then](const worker_list& list) { then(list); },
    [then](const caf::error&) { then({}); });
}

} // namespace tunerd
