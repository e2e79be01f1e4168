#pragma once

#include "messages/events.hpp"
#include "messages/workers.hpp"

namespace tunerd {

/// @returns the event `worker_status` of REFERENCE 4: `worker` is as described,
/// since `now`, in the course of `ctx`. For admins only, so it has no owner.
event worker_status_event(const context& ctx, const worker_state& worker,
                          timestamp now);

} // namespace tunerd
