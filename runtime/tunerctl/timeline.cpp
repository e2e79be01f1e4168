#include "runtime/tunerctl/timeline.hpp"

#include "runtime/tunerctl/table.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace tunerd::tunerctl {

using nlohmann::json;

namespace {

json field(const json& x, const char* key) {
  return x.value(key, json{});
}

std::string text(const json& x, const char* key) {
  return cell(field(x, key));
}

/// @returns "  key=value" for each field that is there.
std::string fields(const json& x, const std::vector<std::string>& keys) {
  std::string result;
  for (const auto& key : keys)
    if (x.is_object() && x.contains(key) && !x[key].is_null())
      result.append("  ").append(key).append("=").append(cell(x[key]));
  return result;
}

std::string all_fields(const json& x) {
  std::string result;
  if (x.is_object())
    for (const auto& [key, value] : x.items())
      result.append("  ").append(cell(key)).append("=").append(cell(value));
  return result;
}

/// Lines with their time, told apart by what comes first at the same time.
class list {
public:
  /// Adds a line for each of `rows` that has `time`.
  void add(const json& rows, const char* time, const char* what,
           const std::function<std::string(const json&)>& say) {
    for (const auto& x : rows)
      if (!field(x, time).is_null())
        put(text(x, time), what, say(x));
  }

  void put(std::string time, std::string what, const std::string& said) {
    what.resize(std::max<size_t>(what.size(), 8), ' ');
    auto line = time + "  " + what + "  " + said + "\n";
    lines_.emplace_back(std::move(time), std::move(line));
  }

  std::string render() {
    std::stable_sort(
      lines_.begin(), lines_.end(),
      [](const auto& x, const auto& y) { return x.first < y.first; });
    std::string result;
    for (const auto& x : lines_)
      result += x.second;
    return result.empty() ? "nothing is known under this id\n" : result;
  }

private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

void add_log(list& out, const json& log) {
  for (const auto& x : log.value("lines", json::array()))
    out.put(text(x, "timestamp"), text(x, "level"),
            text(x, "logger") + "  " + text(x, "message")
              + all_fields(field(x, "fields")));
}

std::string remark_on(const json& log) {
  if (!log.is_object())
    return {};
  if (log.contains("message"))
    return "(log: " + text(log, "message") + ")\n";
  return log.value("truncated", false)
           ? "(log: there may be more lines than these)\n"
           : std::string{};
}

void add_stored(list& out, const json& trace) {
  const auto rows
    = [&trace](const char* key) { return trace.value(key, json::array()); };
  out.add(rows("jobs"), "created_at", "job", [](const json& x) {
    return text(x, "job_id") + "  submitted"
           + fields(x, {"provider", "config_name", "user_id"})
           + "  now=" + text(x, "status");
  });
  out.add(rows("attempts"), "claimed_at", "attempt", [](const json& x) {
    return text(x, "job_id") + "  claimed" + fields(x, {"attempt"});
  });
  out.add(rows("attempts"), "closed_at", "attempt", [](const json& x) {
    return text(x, "job_id") + "  closed"
           + fields(x, {"attempt", "state", "external_id"});
  });
  out.add(rows("approvals"), "created_at", "approval", [](const json& x) {
    return text(x, "job_id") + "  requested"
           + fields(x, {"id", "reason", "expires_at"})
           + "  now=" + text(x, "status");
  });
  out.add(rows("approvals"), "reviewed_at", "approval", [](const json& x) {
    return text(x, "job_id") + "  " + text(x, "status")
           + fields(x, {"id", "reviewed_by"});
  });
  out.add(rows("events"), "timestamp", "event", [](const json& x) {
    auto said = text(x, "job_id");
    said.append("  ").append(text(x, "type"));
    return said + fields(x, {"id"})
           + fields(field(x, "data"), {"previous_status", "status",
                                       "queue_status", "source", "message"});
  });
  out.add(rows("audit"), "timestamp", "audit", [](const json& x) {
    return text(x, "subject") + "  " + text(x, "action")
           + fields(x, {"user_id", "token", "details"});
  });
}

} // namespace

std::string timeline(const json& trace) {
  list out;
  add_stored(out, trace);
  const auto log = field(trace, "log");
  if (log.is_object())
    add_log(out, log);
  return out.render() + remark_on(log);
}

} // namespace tunerd::tunerctl
