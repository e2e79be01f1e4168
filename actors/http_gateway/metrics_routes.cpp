#include "actors/http_gateway/costs_seen.hpp"
#include "actors/http_gateway/http_gateway.hpp"
#include "actors/http_gateway/metrics_page.hpp"
#include "actors/http_gateway/metrics_text.hpp"
#include "actors/http_gateway/reader.hpp"

#include <nlohmann/json.hpp>

// Metrics, circuit breakers and costs.

namespace tunerd {

using nlohmann::ordered_json;

namespace {

ordered_json seconds_json(const caf::optional<caf::timespan>& span) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  if (!span)
    return {};
  return static_cast<double>(duration_cast<milliseconds>(*span).count()) / 1000;
}

ordered_json breaker_json(const breaker_status& x) {
  caf::optional<caf::timespan> wait;
  if (x.retry_after.count() > 0)
    wait = x.retry_after;
  return {{"name", x.name},
          {"state", to_string(x.phase)},
          {"failure_count", x.failure_count},
          {"success_count", x.success_count},
          {"last_failure", x.last_failure
                             ? ordered_json(utc_text(*x.last_failure))
                             : ordered_json{}},
          {"retry_after", seconds_json(wait)}};
}

ordered_json report_json(const cost_report& x, int64_t days) {
  const auto usd
    = [](int64_t micros) { return usd_json(caf::optional<int64_t>{micros}); };
  auto by_day = ordered_json::array();
  for (const auto& [day, micros] : x.cost_by_day)
    by_day.push_back({{"date", day}, {"cost", usd(micros)}});
  return {{"total_cost", usd(x.cost_micros)},
          {"job_count", x.job_count},
          {"avg_job_duration_seconds", seconds_json(x.average_duration)},
          {"jobs_by_status", ordered_json(x.jobs_by_status)},
          {"cost_by_day", std::move(by_day)},
          {"period_days", days},
          // No provider tells what is left.
          {"credit_balance", ordered_json{}},
          {"estimated_jobs_remaining", ordered_json{}}};
}

} // namespace

void http_gateway_state::show_prometheus(const call& x) {
  look_around(x, survey_scope::numbers, [this, x](survey seen) {
    const auto now = settings.world.now();
    const auto uptime = now - settings.started_at;
    if (seen.stored)
      seen.stored->costs = costs_seen_by(x->who, std::move(seen.stored->costs));
    const auto lines = gate->statistics().lines();
    auto page
      = metrics_page({.uptime = std::max(uptime, caf::timespan{0}),
                      .seen = seen,
                      .counts = *settings.counts,
                      .http = lines,
                      .log = count_log_lines(),
                      .now = now,
                      .has_totals = x->who.level == caller_level::admin});
    finish(x,
           {.status = 200,
            .body = std::move(page),
            .content_type = metrics_text::content_type,
            .headers = {{"X-Correlation-ID", x->ctx.correlation_id}}},
           {});
  });
}

void http_gateway_state::show_breakers(const call& x) {
  self->ask(
    providers, settings.prepare_timeout, get_breakers{x->ctx},
    [this, x](const breaker_list& found) {
      auto list = ordered_json::array();
      for (const auto& breaker : found.breakers)
        list.push_back(breaker_json(breaker));
      answer(x, {{"circuit_breakers", std::move(list)},
                 {"total", found.breakers.size()}});
    },
    refusing(x));
}

void http_gateway_state::show_cost_report(const call& x) {
  rest::query_reader in{x->query_parameters};
  int64_t days = 30;
  in.integer("days", days, 1, 365);
  if (in.mistake())
    return refuse(x, *in.mistake());
  self->ask(
    store, settings.store_timeout,
    get_cost_report{x->ctx, x->who, static_cast<int32_t>(days)},
    [this, x, days, notes = in.warnings()](const cost_report& found) {
      auto reply = report_json(found, days);
      if (!notes.empty())
        reply["warnings"] = notes;
      answer(x, reply);
    },
    refusing(x));
}

} // namespace tunerd
