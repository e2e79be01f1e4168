#pragma once

#include "messages/events.hpp"
#include "messages/queue.hpp"

namespace tunerd::sql {

/// @returns the event that tells subscribers the new status of `x`.
/// @param previous None if the job is new.
event status_event(const job& x, caf::optional<job_status> previous,
                   change_source source, timestamp now);

/// @returns the internal event that wakes those who follow the queue.
event queue_event(const job& x, timestamp now);

/// @returns the internal event after a change of the limits.
event limits_event(const context& ctx, timestamp now);

} // namespace tunerd::sql
