#pragma once

#include "messages/jobs.hpp"
#include "messages/limits.hpp"
#include "messages/queue.hpp"
#include "messages/workers.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

// Messages as the JSON of the HTTP API (REFERENCE 3), keys in the documented
// order. Pure.

namespace tunerd {

/// @returns e.g. "2024-01-15T10:30:00.000Z": UTC, rounded down to ms.
std::string utc_text(timestamp time);

/// @returns an id as a JSON number if it is a canonical decimal of at most 15
/// digits (what a double holds exactly), as null if it is empty, else as text.
nlohmann::ordered_json id_json(const std::string& id);

/// @returns micro-USD as a number of USD, none as null.
nlohmann::ordered_json usd_json(const caf::optional<int64_t>& micros);

/// What the JSON of a job needs besides the job.
struct job_view {
  /// For the duration of what still runs and the time waited.
  timestamp now = {};
  /// A waiting job rises by one level per span waited; 0 for never.
  caf::timespan starvation_threshold = caf::timespan{0};
  /// Place in the queue, 1 = next; none if it has none or it is not known.
  caf::optional<int64_t> position = caf::none;
};

/// @returns the base priority plus 10 per full threshold waited, that sum at
/// most 40; a base above 40 stays.
int32_t effective_priority(const job& x, const job_view& view);

/// @returns the Job of the API; with `queue_position` while it is pending.
nlohmann::ordered_json job_json(const job& x, const job_view& view);

/// @returns the Entry of the API: the job as the queue shows it.
nlohmann::ordered_json entry_json(const job& x, const job_view& view);

/// @returns a span in seconds, exact to the millisecond; none as null.
nlohmann::ordered_json seconds_json(const caf::optional<caf::timespan>& span);

/// @returns a time, none as null.
nlohmann::ordered_json time_json(const caf::optional<timestamp>& time);

/// @returns `text`, an empty one as null.
nlohmann::ordered_json text_json(const std::string& text);

/// @returns one constraint of `/api/queue/why`, all its holders named.
nlohmann::ordered_json constraint_json(const queue_constraint& x);

/// @returns the six limits of `/api/queue/concurrency`.
nlohmann::ordered_json limits_json(const queue_limits& x);

/// @returns the reply of `/api/queue/stats`.
nlohmann::ordered_json stats_json(const queue_stats& x,
                                  const queue_limits& limits);

/// @returns one entry of `/api/tunerd/workers`.
nlohmann::ordered_json worker_json(const worker_state& x);

} // namespace tunerd
