#include "actors/store/rule_table.hpp"

#include <nlohmann/json.hpp>

namespace tunerd::sql {

namespace {

using nlohmann::json;

const std::string columns
  = "name, description, condition, threshold, is_active, priority, "
    "applies_to_provider, applies_to_level, exempt_levels, "
    "required_approver_level, deadline_seconds, created_at, created_by";

std::string text_of(const std::vector<std::string>& levels) {
  return json(levels).dump(-1, ' ', false, json::error_handler_t::replace);
}

/// @returns the levels in a JSON list; none if it cannot be read: then nobody
/// is exempt.
std::vector<std::string> parse_levels(const std::string& text) {
  std::vector<std::string> result;
  const auto list = json::parse(text, nullptr, false);
  if (list.is_array())
    for (const auto& x : list)
      if (const auto* level = x.get_ptr<const std::string*>())
        result.push_back(*level);
  return result;
}

approval_rule read_rule(const statement& row) {
  int i = 0;
  approval_rule x;
  x.id = row.get<int64_t>(i++);
  x.name = row.get<std::string>(i++);
  x.description = row.get<std::string>(i++);
  const auto condition = row.get<std::string>(i++);
  x.threshold = row.get<std::string>(i++);
  if (const auto known = parse_rule_condition(condition)) {
    x.condition = *known;
  } else {
    // An import may bring one: a threshold that cannot be read always fires.
    x.condition = rule_condition::cost_exceeds;
    x.threshold = "of unknown condition " + condition;
  }
  x.is_active = row.get<bool>(i++);
  x.priority = row.get<int32_t>(i++);
  x.applies_to_provider = row.get<std::string>(i++);
  x.applies_to_level = row.get<std::string>(i++);
  x.exempt_levels = parse_levels(row.get<std::string>(i++));
  x.required_approver_level = row.get<std::string>(i++);
  x.deadline_seconds = row.get<int64_t>(i++);
  x.created_at = row.get<timestamp>(i++);
  x.created_by = row.get<std::string>(i++);
  return x;
}

} // namespace

int64_t rule_table::insert(const approval_rule& x) {
  static const auto sql = "INSERT INTO approval_rules (" + columns
                          + ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
                            "?10, ?11, ?12, ?13) RETURNING id";
  return db_.insert(sql, x.name, x.description, to_string(x.condition),
                    x.threshold, x.is_active, x.priority, x.applies_to_provider,
                    x.applies_to_level, text_of(x.exempt_levels),
                    x.required_approver_level, x.deadline_seconds, x.created_at,
                    x.created_by);
}

caf::optional<approval_rule> rule_table::find(int64_t id) {
  static const auto sql = "SELECT id, " + columns
                          + " FROM approval_rules "
                            "WHERE id = ?1 AND is_hidden = 0";
  auto row = db_.query(sql, id);
  if (!row.step())
    return caf::none;
  return read_rule(row);
}

void rule_table::update(const approval_rule& x) {
  db_.execute("UPDATE approval_rules SET name = ?2, description = ?3, "
              "condition = ?4, threshold = ?5, is_active = ?6, priority = ?7, "
              "applies_to_provider = ?8, applies_to_level = ?9, "
              "exempt_levels = ?10, required_approver_level = ?11, "
              "deadline_seconds = ?12 WHERE id = ?1",
              x.id, x.name, x.description, to_string(x.condition), x.threshold,
              x.is_active, x.priority, x.applies_to_provider,
              x.applies_to_level, text_of(x.exempt_levels),
              x.required_approver_level, x.deadline_seconds);
}

void rule_table::hide(int64_t id) {
  db_.execute("UPDATE approval_rules SET is_hidden = 1, is_active = 0 "
              "WHERE id = ?1",
              id);
}

int64_t rule_table::count() {
  auto row
    = db_.query("SELECT count(*) FROM approval_rules WHERE is_hidden = 0");
  row.step();
  return row.get<int64_t>(0);
}

std::vector<approval_rule> rule_table::list(bool active_only) {
  static const auto sql = "SELECT id, " + columns
                          + " FROM approval_rules WHERE is_hidden = 0 "
                            "AND (is_active = 1 OR ?1 = 0) "
                            "ORDER BY priority DESC, id";
  std::vector<approval_rule> result;
  auto rows = db_.query(sql, active_only);
  while (rows.step())
    result.push_back(read_rule(rows));
  return result;
}

} // namespace tunerd::sql
