#pragma once

#include "actors/store/connection.hpp"

#include <functional>

namespace tunerd::bench {

/// Calls `add_rows` in one transaction of `db`, a SQLite database. Each page is
/// written once and each index is made at the end: a million jobs in a minute.
void fill_in_bulk(sql::connection& db, const std::function<void()>& add_rows);

} // namespace tunerd::bench
