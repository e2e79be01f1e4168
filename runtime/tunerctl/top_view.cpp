#include "runtime/tunerctl/table.hpp"
#include "runtime/tunerctl/top.hpp"

#include <algorithm>

// What `top` shows, made of the answers; without a clock or a terminal.

namespace tunerd::tunerctl {

using nlohmann::json;

namespace {

/// @returns what `key` has, or null.
json field(const json& x, const char* key) {
  return x.is_object() ? x.value(key, json{}) : json{};
}

std::string text(const json& x, const char* key) {
  return cell(field(x, key));
}

/// @returns why there is no answer; empty if there is one.
std::string failure_of(const json& answer) {
  const auto why = field(answer, "failure");
  return why.is_string() ? cell(why) : "";
}

std::string clock_text(const json& seconds) {
  if (!seconds.is_number())
    return "-";
  const auto all = seconds.get<int64_t>();
  const auto two
    = [](int64_t x) { return (x < 10 ? ":0" : ":") + std::to_string(x); };
  return std::to_string(all / 3600) + two(all / 60 % 60) + two(all % 60);
}

std::string head_line(const top_view& x, const json& health) {
  return "tunerd " + text(health, "version") + "  " + text(health, "status")
         + "  up " + clock_text(field(health, "uptime_seconds")) + "  " + x.url
         + "\n";
}

/// @returns the newest day's costs.
std::string cost_text(const json& stats) {
  const auto days = field(stats, "cost_by_day");
  if (!days.is_object() || days.empty())
    return "";
  const auto last = std::prev(days.end());
  return ", " + cell(last.value()) + " USD on " + last.key();
}

std::string queue_line(const json& stats) {
  if (const auto why = failure_of(stats); !why.empty())
    return "queue: " + why + "\n";
  const auto by_status = field(stats, "by_status");
  return "queue  " + text(stats, "queue_depth") + " pending, "
         + text(stats, "running") + " of " + text(stats, "max_concurrent")
         + " slots held, " + text(by_status, "blocked") + " blocked, mean wait "
         + text(stats, "avg_wait_seconds") + " s" + cost_text(stats) + "\n";
}

std::string workers_part(const json& answer, bool colour) {
  if (const auto why = failure_of(answer); !why.empty())
    return "workers: " + why + "\n";
  return render_table(worker_columns(), field(answer, "workers"), colour);
}

/// @returns what is left of its budgets, as far as it says.
std::string budgets_text(const json& provider) {
  std::string result;
  for (const auto& x : field(provider, "budgets")) {
    auto said = text(x, "kind");
    said.append(" ").append(text(x, "left"));
    said.append("/").append(text(x, "per_minute"));
    if (const auto wait = field(x, "throttled_seconds");
        wait.is_number() && wait > 0)
      said.append(" still for ").append(cell(wait)).append(" s");
    result.append(result.empty() ? "" : ", ").append(said);
  }
  return result;
}

/// @returns whether the breaker `name` guards calls to `provider`: they are
/// called after it, with a dash for what a name cannot have.
bool is_breaker_of(std::string provider, const std::string& name) {
  std::replace(provider.begin(), provider.end(), '_', '-');
  return name.starts_with(provider + "-");
}

std::string breaker_text(const json& provider, const json& breakers) {
  std::string result;
  for (const auto& x : field(breakers, "circuit_breakers"))
    if (is_breaker_of(text(provider, "name"), text(x, "name")))
      result.append(result.empty() ? "" : ", ").append(text(x, "state"));
  return result;
}

std::string providers_part(const top_view& x) {
  const auto answer = field(x.seen, "providers");
  if (const auto why = failure_of(answer); !why.empty())
    return "providers: " + why + "\n";
  return render_table(provider_columns(),
                      with_breakers(answer, field(x.seen, "breakers")),
                      x.colour);
}

} // namespace

const std::vector<column>& worker_columns() {
  static const std::vector<column> columns{
    {"WORKER", "name"},
    {"STATE", "state", true},
    {"RESTARTS", "restarts"},
    {"MAILBOX AGE S", "mailbox_age_seconds"},
    {"LAST ERROR", "last_error"}};
  return columns;
}

const std::vector<column>& provider_columns() {
  static const std::vector<column> columns{{"PROVIDER", "name"},
                                           {"CONFIGURED", "is_configured"},
                                           {"BREAKER", "breaker", true},
                                           {"BUDGETS LEFT", "budgets_left"}};
  return columns;
}

json with_breakers(const json& providers, const json& breakers) {
  auto rows = field(providers, "providers");
  for (auto& row : rows) {
    row["breaker"] = breaker_text(row, breakers);
    row["budgets_left"] = budgets_text(row);
  }
  return rows.is_array() ? rows : json::array();
}

std::string render_top(const top_view& x) {
  const auto health = field(x.seen, "health");
  if (const auto why = failure_of(health); !why.empty())
    return why + "\n";
  auto result = head_line(x, health) + queue_line(field(x.seen, "stats")) + "\n"
                + workers_part(field(x.seen, "workers"), x.colour) + "\n"
                + providers_part(x) + "\nEVENTS\n";
  const auto used
    = static_cast<size_t>(std::count(result.begin(), result.end(), '\n'));
  const auto room = x.rows == 0     ? x.events.size()
                    : x.rows > used ? x.rows - used
                                    : 0;
  const auto skipped = x.events.size() - std::min(room, x.events.size());
  for (auto i = skipped; i < x.events.size(); ++i)
    result += x.events[i] + "\n";
  return result;
}

} // namespace tunerd::tunerctl
