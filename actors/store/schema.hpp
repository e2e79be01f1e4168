#pragma once

#include "actors/store/sqlite.hpp"

namespace tunerd::sql {

/// Brings the database to the newest schema, in one transaction.
/// @throws std::runtime_error if a newer tunerd has written it, or if it is
/// some other program's database. Nothing is changed then.
void migrate(connection& db);

/// @returns the schema that this program knows.
int schema_version();

} // namespace tunerd::sql
