#include "actors/http_gateway/health_report.hpp"
#include "actors/http_gateway/http_gateway.hpp"
#include "actors/http_gateway/reader.hpp"

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
    if (worker.phase != worker_phase::running
        && worker.phase != worker_phase::stopped) // by an operator
      names.append(names.empty() ? "" : ", ").append(worker.name);
  return list.workers.empty() ? "the supervisor does not answer" : names;
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

void http_gateway_state::show_alive(const call& x) {
  answer(x, {{"status", "ok"}});
}

void http_gateway_state::show_health(const call& x) {
  rest::query_reader in{x->query_parameters};
  bool ask_providers = false;
  in.boolean("include_providers", ask_providers);
  if (in.mistake())
    return refuse(x, *in.mistake());
  auto notes = in.warnings();
  if (ask_providers && x->known_by == rest::proof::none) {
    // Anybody may ask for our health, not make us call out.
    notes.push_back("include_providers needs a token and had no effect");
    ask_providers = false;
  }
  look_around(
    x, ask_providers ? survey_scope::credentials : survey_scope::health,
    [this, x, notes](const survey& seen) { answer_health(x, seen, notes); });
}

void http_gateway_state::answer_health(const call& x, const survey& seen,
                                       const std::vector<std::string>& notes) {
  const auto now = settings.world.now();
  const auto uptime = std::max(now - settings.started_at, caf::timespan{0});
  const auto components = components_json(seen);
  ordered_json body
    = {{"status", overall_health(components)},
       {"version", settings.version},
       {"uptime_seconds",
        std::chrono::duration_cast<std::chrono::seconds>(uptime).count()},
       {"timestamp", utc_text(now)},
       {"components", components}};
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
