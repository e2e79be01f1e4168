#include "tests/bench/bulk_fill.hpp"

#include <string>
#include <vector>

namespace tunerd::bench {

void fill_in_bulk(sql::connection& db, const std::function<void()>& add_rows) {
  db.run_script("PRAGMA cache_size = -2000000; BEGIN");
  std::vector<std::string> names, indexes;
  {
    auto rows = db.query("SELECT name, sql FROM sqlite_schema "
                         "WHERE type = 'index' AND sql IS NOT NULL");
    while (rows.step()) {
      names.push_back(rows.get<std::string>(0));
      indexes.push_back(rows.get<std::string>(1));
    }
  }
  for (const auto& name : names)
    db.run_script("DROP INDEX " + name);
  add_rows();
  for (const auto& index : indexes)
    db.run_script(index);
  db.run_script("COMMIT");
}

} // namespace tunerd::bench
