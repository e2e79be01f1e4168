#pragma once

#include "actors/store/connection.hpp"
#include "config/retention.hpp"

namespace tunerd::sql {

/// Removes jobs, with everything that is theirs, and lines of the audit log
/// that are older than `kept` says: the oldest first, at most `count` of a
/// kind. A job stays while it is active, has an open attempt or a pending
/// request for approval.
void retire(connection& db, timestamp now, const config::retention& kept,
            int64_t count);

} // namespace tunerd::sql
