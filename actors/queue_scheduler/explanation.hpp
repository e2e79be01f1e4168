#pragma once

#include "actors/queue_scheduler/job_queue.hpp"

#include <deque>
#include <map>
#include <string>
#include <vector>

// Why a job waits, and for how long (DESIGN 5). Pure.

namespace tunerd {

/// How one provider takes jobs now.
struct provider_line {
  /// It refuses us, or cannot be reached.
  bool is_paused = false;
  /// When the next job tries; none if one is trying now.
  caf::optional<timestamp> until = caf::none;
  /// Submissions that may be under way at once.
  int64_t max = 0;
  /// Jobs whose submission is under way.
  std::vector<std::string> under_way = {};
};

/// @returns what keeps the waiting job `x` of `queue` from a slot, nearest
/// first: its own time, the limits it meets, and only if there are none those
/// ahead of it. Empty: the next choice takes it.
std::vector<queue_constraint> constraints_of(const job_queue& queue,
                                             const queue_entry& x,
                                             const provider_line& line,
                                             timestamp now);

/// Estimates how long a job waits. Each slot of a scope serves one job after
/// the other, each for `mean_hold`, so the job waits for as many rounds as its
/// place in that line needs; the longest line counts. The job waits for its own
/// time in any case.
/// @param lines See `job_queue::lines`.
/// @param mean_hold How long a slot is held; none: not known.
/// @returns none if nothing is known to estimate from, or if it depends on a
/// provider that takes no jobs. At most a year.
caf::optional<caf::timespan>
estimated_wait(const std::vector<queue_line>& lines,
               const std::vector<queue_constraint>& constraints,
               caf::optional<caf::timespan> mean_hold, timestamp now);

/// How long jobs of each provider held their slots lately, from the claim to
/// the end. What was claimed before this began is not known.
class hold_times {
public:
  /// Older ones are forgotten.
  static constexpr size_t window = 100;

  /// The job has got a slot. It must `end` or be dropped.
  void begin(const std::string& job_id, const std::string& provider,
             timestamp now);

  /// The job has given its slot back and left the queue. Idempotent.
  void end(const std::string& job_id, timestamp now);

  /// The job waits again: this was no full run. Idempotent.
  void drop(const std::string& job_id);

  /// @returns the jobs that began and did not end.
  std::vector<std::string> holders() const;

  /// @returns the mean of the last `window` jobs, or none.
  caf::optional<caf::timespan> mean(const std::string& provider) const;

private:
  struct hold {
    std::string provider;
    timestamp since;
  };
  /// As many as hold slots at most.
  std::map<std::string, hold> open_;
  /// By provider.
  std::map<std::string, std::deque<caf::timespan>> ended_;
};

} // namespace tunerd
