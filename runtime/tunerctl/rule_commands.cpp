#include "runtime/tunerctl/commands.hpp"
#include "runtime/tunerctl/table.hpp"

namespace tunerd::tunerctl {

using nlohmann::json;

namespace {

const std::string rules_path = "/api/approvals/rules";

/// Puts what was said under `key`; null if that is nothing.
template <class T>
void put(json& body, const char* key, const std::optional<T>& value) {
  if (value)
    body[key] = *value == T{} ? json{} : json(*value);
}

} // namespace

json body_of(const rule_wanted& x) {
  json body = json::object();
  if (!x.name.empty())
    body["name"] = x.name;
  if (!x.condition.empty())
    body["condition"] = x.condition;
  put(body, "threshold", x.threshold);
  put(body, "description", x.description);
  put(body, "applies_to_provider", x.provider);
  put(body, "applies_to_level", x.level);
  put(body, "required_approver_level", x.approver);
  put(body, "exempt_levels", x.exempt);
  if (x.priority)
    body["priority"] = *x.priority;
  put(body, "deadline_seconds", x.deadline_seconds);
  if (!x.active.empty())
    body["is_active"] = x.active == "on";
  return body;
}

void rules(const session& s) {
  const auto answer = call(s.to, "GET", rules_path);
  s.print(answer, render_table({{"ID", "id"},
                                {"NAME", "name"},
                                {"CONDITION", "condition"},
                                {"THRESHOLD", "threshold"},
                                {"PRIORITY", "priority"},
                                {"ACTIVE", "is_active"},
                                {"APPROVER", "required_approver_level"}},
                               answer.at("rules"), s.colour));
}

void conditions(const session& s) {
  const auto answer = call(s.to, "GET", "/api/approvals/conditions");
  s.print(answer,
          render_table({{"CONDITION", "value"}, {"DESCRIPTION", "description"}},
                       answer.at("conditions"), s.colour));
}

void create_rule(const session& s, const rule_wanted& x) {
  const auto answer = call(s.to, "POST", rules_path, body_of(x).dump());
  s.print(answer, render_object(answer));
}

void change_rule(const session& s, const std::string& id,
                 const rule_wanted& x) {
  const auto body = body_of(x);
  if (body.empty())
    throw failure{"nothing to change: see tunerctl change-rule --help"};
  const auto answer
    = call(s.to, "PATCH", rules_path + "/" + escaped(id), body.dump());
  s.print(answer, render_object(answer));
}

void delete_rule(const session& s, const std::string& id) {
  const auto answer = call(s.to, "DELETE", rules_path + "/" + escaped(id));
  s.print(answer, "rule " + id + " is deleted\n");
}

} // namespace tunerd::tunerctl
