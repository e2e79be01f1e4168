#pragma once

#include "actors/store/connection.hpp"

namespace tunerd::sql {

/// @returns the schema that this program knows.
int schema_version();

/// Brings the database to schema `version`, in one transaction. Tests make old
/// ones.
/// @throws std::runtime_error if a newer tunerd has written it, or if it is
/// some other program's database. Nothing is changed then.
void migrate(connection& db, int version = schema_version());

} // namespace tunerd::sql
