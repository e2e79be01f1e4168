#include "actors/store/setting_table.hpp"

namespace tunerd::sql {

std::map<std::string, std::string>
setting_table::find(const std::string& prefix) {
  std::map<std::string, std::string> result;
  auto rows = db_.query("SELECT key, value FROM settings WHERE key >= ?1 "
                        "AND substr(key, 1, length(?1)) = ?1",
                        prefix);
  while (rows.step())
    result.emplace(rows.get<std::string>(0), rows.get<std::string>(1));
  return result;
}

caf::optional<std::string> setting_table::get(const std::string& key) {
  auto row = db_.query("SELECT value FROM settings WHERE key = ?1", key);
  if (!row.step())
    return caf::none;
  return row.get<std::string>(0);
}

void setting_table::put(const std::string& key,
                        const caf::optional<std::string>& value) {
  if (value)
    db_.execute("INSERT INTO settings (key, value) VALUES (?1, ?2) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                key, *value);
  else
    db_.execute("DELETE FROM settings WHERE key = ?1", key);
}

int64_t setting_table::count() {
  auto row = db_.query("SELECT count(*) FROM settings");
  row.step();
  return row.get<int64_t>(0);
}

} // namespace tunerd::sql
