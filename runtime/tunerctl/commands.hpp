#pragma once

#include "runtime/tunerctl/session.hpp"

#include <string>
#include <vector>

namespace tunerd::tunerctl {

// Each command blocks, prints its result and throws `failure` if it has none.

// -- jobs (job_commands.cpp) --------------------------------------------------

/// @param file JSON of the submission; "-" reads standard input.
void submit(const session& s, const std::string& file,
            const std::string& provider);
void jobs(const session& s, const std::string& status, int limit);
void job(const session& s, const std::string& id);
void cancel(const session& s, const std::string& id);

/// Prints a job's output; with `follow` as it comes, until the job is over.
void logs(const session& s, const std::string& id, bool follow);

/// @param decision adopt, resubmit or fail.
/// @param external_id For adopt.
void resolve(const session& s, const std::string& id,
             const std::string& decision, const std::string& external_id);

// -- queue (queue_commands.cpp) -----------------------------------------------

void queue(const session& s);
void why(const session& s, const std::string& id);

/// Shows the limits, after `changes` such as "max_concurrent=10".
void limits(const session& s, const std::vector<std::string>& changes);

// -- approvals (approval_commands.cpp) ----------------------------------------

/// @param status Empty for pending ones, "all" for every status.
void approvals(const session& s, const std::string& status, int limit);

// `id` is that of the request (a number) or of its job.
void approve(const session& s, const std::string& id, const std::string& notes);
void reject(const session& s, const std::string& id, const std::string& reason);
void extend(const session& s, const std::string& id, int hours);

// -- operators (operator_commands.cpp) ----------------------------------------

void workers(const session& s);
void trace(const session& s, const std::string& correlation_id);

/// Shows which lines are logged, after a change if `level` is not empty.
/// @param logger Empty for everything that has no level of its own.
/// @param level "default" takes the logger's own level away.
void log_level(const session& s, const std::string& logger,
               const std::string& level);

/// Prints events from `since` on (empty: from now on). With `follow`
/// reconnects for ever; else stops when nothing has come for a second.
void events(const session& s, const std::string& since, bool follow);

} // namespace tunerd::tunerctl
