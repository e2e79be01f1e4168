#pragma once

#include "messages/approvals.hpp"
#include "messages/events.hpp"
#include "messages/progress.hpp"

namespace tunerd::sql {

/// @returns the event that tells subscribers the new status of `x`.
/// @param previous None if the job is new.
event status_event(const job& x, caf::optional<job_status> previous,
                   change_source source, timestamp now);

/// @returns the internal event that wakes those who follow the queue.
event queue_event(const job& x, timestamp now);

/// @returns the event that tells subscribers that a late request made
/// `external_id` for `x`, besides the one that it follows; it will be
/// cancelled.
event twin_event(const job& x, int64_t attempt_id,
                 const std::string& external_id, timestamp now);

/// @returns the event that tells who may decide that `x` waits for them.
event required_event(const approval& x, timestamp now);

/// @returns the event that tells what somebody decided.
event decided_event(const approval& x, timestamp now);

/// @returns the event that tells that `x` will expire soon.
event expiring_event(const approval& x, timestamp now);

/// @returns the event that tells that `x` expired, with its job.
event expired_event(const approval& x, timestamp now);

/// @returns how long `x` could be decided on, as its job's error and the event
/// say it. @pre it has a deadline
std::string expiry_text(const approval& x);

/// @returns the internal event after a change of the limits.
event limits_event(const context& ctx, timestamp now);

} // namespace tunerd::sql
