#pragma once

#include "actors/store/connection.hpp"

namespace tunerd::sql {

/// Brings the current schema of a PostgreSQL database to what this program
/// knows, in one transaction and one daemon at a time. Its versions are
/// counted apart from those of SQLite.
/// @throws std::runtime_error if a newer tunerd has written it, or if its
/// tables are of some other program. Nothing is changed then.
void migrate_postgres(connection& db);

} // namespace tunerd::sql
