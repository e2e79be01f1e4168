#pragma once

#include <string>
#include <string_view>

// Our SQL and our texts as PostgreSQL wants them. Pure.

namespace tunerd::sql {

/// @returns `sql` with $1 for ?1 and without what only SQLite's planner is
/// told: `INDEXED BY name`, and a plus right before a name. Texts in quotes
/// stay as they are.
std::string as_postgres(std::string_view sql);

/// @returns `text` with U+FFFD for each byte that no PostgreSQL text holds:
/// what is not UTF-8, and zero.
std::string as_utf8(std::string_view text);

} // namespace tunerd::sql
