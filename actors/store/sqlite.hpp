#pragma once

#include "actors/store/connection.hpp"

#include <string>

namespace tunerd::sql {

/// Opens an existing SQLite file and sets what every connection of ours wants:
/// WAL, FULL (an acknowledged commit survives a power cut), foreign keys.
/// Waits at most five seconds for a lock of somebody else. Its time is up to
/// the caller.
/// @throws database_error
std::unique_ptr<engine> open_sqlite(const std::string& path,
                                    connection::mode how);

} // namespace tunerd::sql
