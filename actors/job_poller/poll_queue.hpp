#pragma once

#include "actors/job_poller/polling_plan.hpp"

#include <deque>
#include <optional>
#include <set>

namespace tunerd {

/// A job whose turn has come: what a question about it needs.
struct due_job {
  context ctx;
  std::string id;
  std::string provider;
  std::string external_id;
  std::string hardware_profile;
  /// As stored when its turn came.
  job_status status = job_status::pending;
  /// The round in which its turn came.
  uint64_t round = 0;
};

/// Jobs that wait to be asked or are being asked, in a lane per provider, so
/// that a slow provider holds up nobody else. A job is in here at most once,
/// which is what bounds the lanes: an active job whose turn comes again before
/// it was asked keeps its place, and nothing is ever dropped but jobs that are
/// not active any more.
class poll_queue {
public:
  explicit poll_queue(const std::vector<polled_provider>& providers = {});

  /// Puts `x` at the end of its lane. @returns false, changing nothing, if it
  /// is in here already or its provider has no lane.
  bool add(due_job x);

  /// @returns the job to ask next, which counts as in flight until `done`; none
  /// if the lane is empty or as many are in flight as may be.
  std::optional<due_job> next(const std::string& provider);

  /// Ends a flight that `next` began.
  void done(const due_job& x);

  /// @returns whether the job waits or is in flight.
  bool holds(const std::string& id) const {
    return ids_.count(id) > 0;
  }

  /// Drops those that wait and are not in `ids`. @returns them.
  std::vector<due_job> keep_only(const std::set<std::string>& ids);

  /// @returns how many wait or are in flight.
  size_t size() const noexcept {
    return ids_.size();
  }

private:
  struct provider_lane {
    int32_t max_in_flight = 1;
    int32_t in_flight = 0;
    /// Each active job of the provider at most once.
    std::deque<due_job> waiting = {};
  };

  /// By provider.
  std::map<std::string, provider_lane> lanes_;
  /// Of all that wait or are in flight.
  std::set<std::string> ids_;
};

} // namespace tunerd
