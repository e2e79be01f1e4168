#pragma once

#include "actors/job_poller/poll_listing.hpp"
#include "actors/job_poller/polling_plan.hpp"

#include <caf/timespan.hpp>

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

// The plan for one provider: which job is asked about when, and how. No CAF
// actors, no clock, no I/O.

namespace tunerd {

/// Jobs of one provider that wait to be asked or are being asked. Each provider
/// has its own lane, so that a slow one holds up nobody else. A job is in here
/// at most once, which is what bounds it: one whose turn comes again before it
/// was asked keeps its place, and nothing is dropped but what is not active any
/// more or cannot be asked now.
///
/// Few jobs are asked one by one, spread over the time there is; many are
/// looked for on the pages of the provider's list. A provider that wants less
/// gets less: each time half as much at once, and nothing for a while.
class poll_lane {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit poll_lane(const polled_provider& provider);

  // -- turns ------------------------------------------------------------------

  /// Takes those of `due`, stalest first and each once, that are not in here
  /// yet; none if they are many and a walk over the list is under way, which
  /// then makes up this turn, too.
  /// @param ctx That of the round.
  /// @param window The time over which single questions are spread.
  /// @returns how many it took.
  size_t begin_turn(const context& ctx, std::vector<due_job> due,
                    time_point now, caf::timespan window);

  /// Makes all that wait due.
  void hasten(time_point now);

  /// Drops those that wait for nobody but their turn. @returns them.
  std::vector<due_job> end_turn();

  /// Lets somebody wait for `x`: it is asked before all others.
  /// @returns false if it was in here already; then it is only moved up.
  bool hurry(due_job x);

  /// Drops those that wait and are not in `active`. @returns them.
  std::vector<due_job>
  keep_only(const std::unordered_set<std::string_view>& active);

  // -- questions --------------------------------------------------------------

  /// @returns the job to ask about now, which counts as in flight until one of
  /// `done`, `put_back`; none if nobody is due or no more may be in flight.
  std::optional<due_job> next_job(time_point now);

  /// @returns the page to ask for now, which counts as in flight until one of
  /// `read`, `page_failed`, `page_refused`, `page_put_back`.
  std::optional<list_provider_jobs> next_page(time_point now);

  /// @returns when one of these two may have something, if no answer comes
  /// before; none if only an answer helps. Never before `now`.
  std::optional<time_point> next_due(time_point now) const;

  // -- answers ----------------------------------------------------------------

  /// Ends a question about a job, or the work on a sighting.
  void done(const due_job& x);

  /// The provider answered something that makes sense: it can take more.
  void succeeded();

  /// The provider wants less: `x` waits again, before all others.
  void put_back(due_job x, time_point now);

  /// Takes note that the provider answers nobody. @returns those that are not
  /// asked in this turn after all: all that wait, once it has refused several
  /// in a row. From then on one question at a time tries.
  std::vector<due_job> refused();

  /// @returns the jobs of ours on the page, in flight until `done`. Those that
  /// have ended are asked about instead: a page has neither logs nor a cost by
  /// the job's own rate.
  std::vector<sighting> read(const provider_job_page& page, time_point now);

  /// The same about a page: one is enough.
  std::vector<due_job> page_refused();

  /// The page cannot be had: all that it was for are asked one by one.
  void page_failed(time_point now);

  /// The provider wants less: the same page is asked for later.
  void page_put_back(time_point now);

  // -- how it is --------------------------------------------------------------

  /// @returns how many jobs of earlier turns have not been asked by `now`.
  size_t late(time_point now) const;

  /// @returns whether the job waits or is in flight.
  bool holds(const std::string& job_id) const {
    return jobs_.count(job_id) > 0;
  }

  /// @returns how many wait or are in flight.
  size_t size() const noexcept {
    return jobs_.size();
  }

private:
  enum class place : uint8_t { waiting, wanted, hurried, in_flight, sighted };

  using queue = std::multimap<time_point, due_job>;

  struct entry {
    place where = place::waiting;
    /// Valid while it waits.
    queue::iterator at = {};
  };

  bool may_ask(time_point now) const;
  /// Lets `jobs` wait, spread over `window` from `now` on.
  void wait(std::vector<due_job> jobs, time_point now, caf::timespan window);
  /// @returns `x`, if the listing looks for it; then it does no longer.
  std::optional<due_job> drop_wanted(const due_job& x, place where);
  /// Takes out of `due` what it looks for.
  void begin_listing(const context& ctx, std::vector<due_job>& due);
  /// Ends the listing if it is over.
  void mind_listing(time_point now);
  /// Whatever it has not seen is asked one by one.
  void end_listing(time_point now, bool was_cheap);
  void slow_down(time_point now);

  std::string provider_;
  int32_t in_flight_max_;
  bool has_list_;
  /// How many may be in flight now.
  int32_t allowed_;
  /// Questions about jobs and pages; not sightings.
  int32_t in_flight_ = 0;

  /// By job id: all that are in here.
  std::unordered_map<std::string, entry> jobs_;
  /// By when they are due; those of equal time in order.
  queue waiting_;
  /// Somebody waits for them.
  std::deque<due_job> hurried_;

  std::optional<poll_listing> listing_;
  bool page_in_flight_ = false;
  /// Sightings that are not done.
  size_t sighted_ = 0;
  /// How many jobs the listing was for.
  size_t listed_ = 0;
  /// When single questions of this turn are to be over.
  time_point turn_end_ = {};
  /// Listings in a row that were not worth it, and for how many turns there is
  /// none because of that.
  uint32_t bad_listings_ = 0;
  uint32_t turns_without_ = 0;

  time_point paused_until_ = {};
  /// In a row, without an answer that made sense.
  uint32_t setbacks_ = 0;
  uint32_t refusals_ = 0;
};

} // namespace tunerd
