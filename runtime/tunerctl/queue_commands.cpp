#include "runtime/tunerctl/commands.hpp"
#include "runtime/tunerctl/table.hpp"

#include <cstdint>

namespace tunerd::tunerctl {

using nlohmann::json;

namespace {

std::string entries_table(const session& s, const json& entries) {
  return render_table({{"PLACE", "position"},
                       {"JOB", "job_id"},
                       {"STATUS", "status", true},
                       {"PRIORITY", "effective_priority"},
                       {"USER", "user_id"},
                       {"ORG", "org_id"},
                       {"QUEUED", "queued_at"},
                       {"ATTEMPT", "attempt"}},
                      entries, s.colour);
}

/// @returns a line for each of an object's values, under `title`.
std::string named(const std::string& title, const json& object) {
  std::string result;
  for (const auto& [name, value] : object.items())
    result += "  " + cell(name) + "  " + cell(value) + "\n";
  return result.empty() ? result : title + "\n" + result;
}

} // namespace

void queue(const session& s, const std::string& status) {
  std::string path = "/api/queue?limit=200";
  if (!status.empty())
    path += "&status=" + escaped(status);
  const auto answer = call(s.to, "GET", path);
  s.print(answer, entries_table(s, answer.at("entries"))
                    + answer.at("total_pending").dump() + " pending, "
                    + answer.at("total_running").dump() + " running\n");
}

void queue_of(const session& s, const std::string& user) {
  const auto answer
    = call(s.to, "GET",
           user.empty() ? "/api/queue/me" : "/api/queue/user/" + escaped(user));
  auto entries = answer.at("running_jobs");
  for (const auto& x : answer.at("pending_jobs"))
    entries.push_back(x);
  s.print(answer, entries_table(s, entries) + cell(answer.at("pending_count"))
                    + " pending, " + cell(answer.at("running_count"))
                    + " running, " + cell(answer.at("blocked_count"))
                    + " blocked, best place " + cell(answer.at("best_position"))
                    + "\n");
}

void stats(const session& s) {
  const auto answer = call(s.to, "GET", "/api/queue/stats");
  auto numbers = json::object();
  auto lists = std::string{};
  for (const auto& [key, value] : answer.items())
    if (value.is_object())
      lists += named(key, value);
    else
      numbers[key] = value;
  s.print(answer, render_object(numbers) + lists);
}

void position(const session& s, const std::string& id) {
  const auto answer = call(s.to, "GET", "/api/queue/position/" + escaped(id));
  s.print(answer, render_object(answer));
}

void priority(const session& s, const std::string& id,
              const std::string& value) {
  const auto wanted
    = value == "none" ? json{} : json::parse(value, nullptr, false);
  if (wanted.is_discarded())
    throw failure{"'" + value + "': want 0 to 50, or none"};
  const auto answer
    = call(s.to, "POST", "/api/queue/" + escaped(id) + "/priority",
           json{{"priority", wanted}}.dump());
  s.print(answer, id + " has priority "
                    + cell(answer.at("new_effective_priority")) + ", had "
                    + cell(answer.at("previous_effective_priority")) + "\n");
}

void process(const session& s) {
  const auto answer = call(s.to, "POST", "/api/queue/process");
  auto text = cell(answer.at("dispatched")) + " dispatched\n";
  for (const auto& id : answer.at("job_ids"))
    text += "  " + cell(id) + "\n";
  s.print(answer, text);
}

void cleanup(const session& s, int days) {
  const auto answer
    = call(s.to, "POST", "/api/queue/cleanup?days=" + std::to_string(days));
  s.print(answer, cell(answer.at("deleted")) + " entries taken out\n");
}

namespace {

/// @returns the number under `key`; 0 if there is none.
int64_t number(const json& object, const char* key) {
  const auto i = object.find(key);
  return i != object.end() && i->is_number() ? i->get<int64_t>() : 0;
}

/// @returns one thing that keeps a job from running, as a line.
std::string render_constraint(const json& x) {
  auto text = "  " + cell(x.at("kind"));
  if (const auto scope = x.value("scope", json{}); scope.is_string())
    text += " " + cell(scope);
  const auto used = std::to_string(number(x, "used"));
  if (number(x, "limit") > 0)
    text += ": " + used + " of " + cell(x.at("limit")) + " slots held, by";
  else if (number(x, "used") > 0)
    text += ": " + used + " ahead";
  for (const auto& holder : x.value("holders", json::array()))
    text += " " + cell(holder);
  if (const auto until = x.value("until", json{}); until.is_string())
    text += " until " + cell(until);
  return text + "\n";
}

} // namespace

void why(const session& s, const std::string& id) {
  const auto answer = call(s.to, "GET", "/api/queue/why/" + escaped(id));
  auto text = id + " is " + cell(answer.at("status"));
  if (const auto& place = answer.at("position"); !place.is_null())
    text += ", place " + cell(place);
  if (const auto& wait = answer.at("estimated_wait_seconds"); !wait.is_null())
    text += ", starts in about " + cell(wait) + " s";
  text += "\n";
  for (const auto& x : answer.at("constraints"))
    text += render_constraint(x);
  if (answer["constraints"].empty() && answer["status"] == "pending")
    text += "  nothing keeps it from running\n";
  s.print(answer, text);
}

void limits(const session& s, const std::vector<std::string>& changes) {
  const std::string path = "/api/queue/concurrency";
  json body = json::object();
  for (const auto& change : changes) {
    const auto equals = change.find('=');
    if (equals == std::string::npos)
      throw failure{"'" + change + "': want NAME=VALUE"};
    auto value = json::parse(change.substr(equals + 1), nullptr, false);
    if (value.is_discarded())
      throw failure{"'" + change + "': want a number, true, false or null"};
    body[change.substr(0, equals)] = std::move(value);
  }
  const auto answer = changes.empty() ? call(s.to, "GET", path)
                                      : call(s.to, "POST", path, body.dump());
  s.print(answer, render_object(answer));
}

} // namespace tunerd::tunerctl
