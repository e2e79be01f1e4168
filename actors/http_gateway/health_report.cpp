#include "actors/http_gateway/health_report.hpp"

#include "messages/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace tunerd {

using nlohmann::ordered_json;

namespace {

/// @param message Left out if empty.
ordered_json component(std::string name, const char* status,
                       const std::string& message = {}) {
  ordered_json out = {{"name", std::move(name)}, {"status", status}};
  if (!message.empty())
    out["message"] = message;
  return out;
}

ordered_json database_of(const survey& seen) {
  if (!seen.database)
    return component("database", "unhealthy", seen.database_error);
  const std::chrono::duration<double, std::milli> took = *seen.database;
  auto out = component("database", "healthy");
  out["latency_ms"] = took.count();
  return out;
}

ordered_json secrets_of(const survey& seen) {
  if (!seen.providers)
    return component("secrets", "degraded", "no answer");
  std::string missing;
  for (const auto& x : seen.providers->providers)
    if (!x.is_configured)
      missing.append(missing.empty() ? "no token for " : ", ").append(x.name);
  return missing.empty() ? component("secrets", "healthy")
                         : component("secrets", "degraded", missing);
}

ordered_json component_of(const breaker_status& x) {
  const auto name = "circuit_breaker_" + x.name;
  switch (x.phase) {
    case breaker_phase::closed: return component(name, "healthy");
    case breaker_phase::half_open:
      return component(name, "degraded", "half open: probing");
    case breaker_phase::open: break;
  }
  return component(name, "unhealthy", "open: the provider fails");
}

ordered_json component_of(const worker_state& x) {
  const auto running = x.phase == worker_phase::running;
  return component("worker_" + x.name, running ? "healthy" : "degraded",
                   running ? "" : to_string(x.phase));
}

ordered_json credential_of(const survey& seen) {
  if (!seen.credential)
    return component("replicate_api", "degraded", "no answer");
  return seen.credential->valid
           ? component("replicate_api", "healthy")
           : component("replicate_api", "unhealthy", seen.credential->error);
}

} // namespace

std::optional<double> percent_used(const cost_limit_status& x) {
  if (!x.enabled || x.limit_micros <= 0)
    return std::nullopt;
  return 100. * static_cast<double>(x.spent_micros)
         / static_cast<double>(x.limit_micros);
}

ordered_json components_json(const survey& seen) {
  auto out = ordered_json::array({database_of(seen), secrets_of(seen)});
  if (seen.breakers)
    for (const auto& x : seen.breakers->breakers)
      out.push_back(component_of(x));
  else
    out.push_back(component("circuit_breakers", "degraded", "no answer"));
  if (seen.workers)
    for (const auto& x : seen.workers->workers)
      out.push_back(component_of(x));
  else
    out.push_back(component("supervisor", "degraded", "no answer"));
  if (seen.credential_asked)
    out.push_back(credential_of(seen));
  return out;
}

std::string overall_health(const ordered_json& components) {
  if (components[0]["status"] != "healthy")
    return "unhealthy";
  const auto fine
    = std::all_of(components.begin(), components.end(),
                  [](const auto& x) { return x["status"] == "healthy"; });
  return fine ? "healthy" : "degraded";
}

} // namespace tunerd
