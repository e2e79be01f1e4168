#pragma once

#include "messages/callers.hpp"
#include "messages/metrics.hpp"

namespace tunerd {

/// @returns `all` without the names that `who` may not read: an admin reads
/// all, a lead its own and that of its org, everybody else its own only. The
/// sums by day stay as they are.
cost_sums costs_seen_by(const caller& who, cost_sums all);

} // namespace tunerd
