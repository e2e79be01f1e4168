#include "messages/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace tunerd {

namespace {

using nlohmann::ordered_json;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

/// Deeper metadata is left out: writing JSON recurses.
constexpr size_t metadata_depth_max = 32;

/// How long it has run; null if it has not started.
ordered_json duration_json(const job& x, timestamp now) {
  if (!x.started_at)
    return {};
  const auto end = x.completed_at ? *x.completed_at : now;
  return seconds_json(std::max(end - *x.started_at, caf::timespan{0}));
}

/// The object in `text`, or an empty one: imports may hold anything.
ordered_json metadata_json(const std::string& text) {
  bool too_deep = false;
  const auto watch = [&too_deep](int depth, auto, auto&) {
    too_deep = too_deep || depth > static_cast<int>(metadata_depth_max);
    return !too_deep;
  };
  // Sorted first: reading straight into an ordered object takes quadratic time.
  auto value = nlohmann::json::parse(text, watch, false);
  return value.is_object() && !too_deep ? ordered_json(std::move(value))
                                        : ordered_json::object();
}

ordered_json limit_json(int32_t limit) {
  return limit == 0 ? ordered_json{} : ordered_json(limit);
}

ordered_json position_json(const job& x, const job_view& view) {
  return x.queue == queue_status::pending && view.position
           ? ordered_json(*view.position)
           : ordered_json{};
}

int32_t attempt_number(const job& x) {
  return std::min(x.attempts_used + 1, x.max_attempts);
}

} // namespace

std::string utc_text(timestamp time) {
  const auto ms = std::chrono::floor<milliseconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(ms);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{ms - day};
  std::array<char, 64> out{};
  std::snprintf(
    out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
    static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
    static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
    static_cast<int>(clock.minutes().count()),
    static_cast<int>(clock.seconds().count()),
    static_cast<int>(clock.subseconds().count()));
  return out.data();
}

ordered_json id_json(const std::string& id) {
  if (id.empty())
    return {};
  const auto digits = std::all_of(id.begin(), id.end(),
                                  [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || id.size() > 15 || (id.size() > 1 && id[0] == '0'))
    return id;
  return std::strtoll(id.c_str(), nullptr, 10);
}

ordered_json usd_json(const caf::optional<int64_t>& micros) {
  return micros ? ordered_json(static_cast<double>(*micros) / 1e6)
                : ordered_json{};
}

ordered_json seconds_json(const caf::optional<caf::timespan>& span) {
  if (!span)
    return {};
  return static_cast<double>(duration_cast<milliseconds>(*span).count()) / 1000;
}

ordered_json time_json(const caf::optional<timestamp>& time) {
  return time ? ordered_json(utc_text(*time)) : ordered_json{};
}

ordered_json text_json(const std::string& text) {
  return text.empty() ? ordered_json{} : ordered_json(text);
}

int32_t effective_priority(const job& x, const job_view& view) {
  constexpr int32_t level = 10, highest = 40;
  const auto base = base_priority(x);
  const auto waited = view.now - x.queued_at;
  if (base >= highest || x.queue != queue_status::pending
      || view.starvation_threshold.count() <= 0 || waited.count() <= 0)
    return base;
  const auto levels = std::min<int64_t>(waited / view.starvation_threshold, 4);
  return std::min(base + level * static_cast<int32_t>(levels), highest);
}

ordered_json job_json(const job& x, const job_view& view) {
  ordered_json out = {
    {"job_id", x.id},
    {"job_type", x.job_type},
    {"provider", text_json(x.provider)},
    {"status", to_string(x.status)},
    {"config_name", text_json(x.config_name)},
    {"created_at", utc_text(x.created_at)},
    {"started_at", time_json(x.started_at)},
    {"completed_at", time_json(x.completed_at)},
    {"cost_usd", usd_json(x.cost_micros)},
    {"hardware_type", text_json(x.hardware_type)},
    {"error_message", text_json(x.error_message)},
    {"output_url", text_json(x.output_url)},
    {"user_id", id_json(x.user_id)},
    {"metadata", metadata_json(x.metadata)},
    {"is_terminal", is_terminal(x.status)},
    {"is_active", !is_terminal(x.status)},
    {"duration_seconds", duration_json(x, view.now)},
  };
  if (x.status == job_status::pending)
    out["queue_position"] = position_json(x, view);
  out["org_id"] = id_json(x.org_id);
  out["team_id"] = id_json(x.team_id);
  out["external_id"] = text_json(x.external_id);
  out["hardware_profile"] = text_json(x.hardware_profile);
  out["queue_status"] = to_string(x.queue);
  out["attempt"] = attempt_number(x);
  out["correlation_id"] = text_json(x.correlation_id);
  return out;
}

ordered_json entry_json(const job& x, const job_view& view) {
  return {
    {"id", x.row},
    {"job_id", x.id},
    {"user_id", id_json(x.user_id)},
    {"org_id", id_json(x.org_id)},
    {"team_id", id_json(x.team_id)},
    {"provider", text_json(x.provider)},
    {"config_name", text_json(x.config_name)},
    {"priority", x.priority},
    {"priority_name", priority_name(x.priority)},
    {"priority_override",
     x.priority_override ? ordered_json(*x.priority_override) : ordered_json{}},
    {"effective_priority", effective_priority(x, view)},
    {"status", to_string(x.queue)},
    {"position", position_json(x, view)},
    {"queued_at", utc_text(x.queued_at)},
    {"started_at", time_json(x.started_at)},
    {"completed_at", time_json(x.completed_at)},
    {"estimated_cost", usd_json(x.estimated_cost_micros)},
    {"requires_approval", x.queue == queue_status::blocked},
    {"approval_id",
     x.approval_id == 0 ? ordered_json{} : ordered_json(x.approval_id)},
    {"attempt", attempt_number(x)},
    {"max_attempts", x.max_attempts},
    {"error_message", text_json(x.error_message)},
  };
}

ordered_json constraint_json(const queue_constraint& x) {
  ordered_json out = {
    {"kind", x.kind},
    {"scope", text_json(x.scope)},
    {"limit", x.limit == 0 ? ordered_json{} : ordered_json(x.limit)},
    {"used", x.used},
    {"holders", x.holders},
  };
  if (x.until)
    out["until"] = utc_text(*x.until);
  return out;
}

ordered_json limits_json(const queue_limits& x) {
  return {
    {"max_concurrent", limit_json(x.max_concurrent)},
    {"user_max_concurrent", limit_json(x.user_max_concurrent)},
    {"team_max_concurrent", limit_json(x.team_max_concurrent)},
    {"enable_fair_share", x.enable_fair_share},
    {"local_gpu_max_concurrent", limit_json(x.local_gpu_max_concurrent)},
    {"local_job_max_concurrent", x.local_job_max_concurrent},
  };
}

ordered_json stats_json(const queue_stats& x, const queue_limits& limits) {
  auto by_status = ordered_json::object();
  for (uint8_t i = 0; i <= static_cast<uint8_t>(queue_status::blocked); ++i)
    by_status[to_string(static_cast<queue_status>(i))] = 0;
  for (const auto& [status, count] : x.by_status)
    by_status[status] = count;
  auto by_user = ordered_json::object();
  for (const auto& [user, count] : x.by_user)
    by_user[user] = count;
  ordered_json out = {
    {"queue_depth", by_status["pending"]},
    {"running",
     by_status["ready"].get<int64_t>() + by_status["running"].get<int64_t>()},
    {"avg_wait_seconds", seconds_json(x.average_wait)},
    {"by_status", std::move(by_status)},
    {"by_user", std::move(by_user)},
  };
  out.update(limits_json(limits));
  out["local"] = ordered_json{};
  out["workers"] = ordered_json{};
  return out;
}

ordered_json worker_json(const worker_state& x) {
  return {
    {"name", x.name},
    {"state", to_string(x.phase)},
    {"restarts", x.restarts},
    {"last_error", text_json(x.last_error)},
    {"mailbox_age_seconds", seconds_json(x.mailbox_age)},
  };
}

} // namespace tunerd
