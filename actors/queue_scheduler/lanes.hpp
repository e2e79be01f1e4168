#pragma once

#include "actors/queue_scheduler/contest.hpp"
#include "actors/queue_scheduler/fair_share.hpp"
#include "actors/queue_scheduler/sequence.hpp"
#include "messages/dispatch.hpp"
#include "messages/limits.hpp"

#include <caf/optional.hpp>

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

// The tree of contests in which lanes compete (job_queue.hpp has the idea).
// Parties are who takes turns: orgs, their teams, the teams' users. At each
// provider where it has jobs a party has one seat in the contest of the party
// above. The seat of a user is a lane: it has the jobs.

namespace tunerd {

struct account;
struct party;
struct provider_slots;

constexpr int32_t level_step = 10;
/// Waiting lifts nobody above this.
constexpr int32_t risen_max = 40;

/// @returns the rank of a job of base level `base` that has waited `waited`:
/// one level (10) more per full `threshold`, at most 40; above 40 as it is.
int32_t effective_priority(int32_t base, caf::timespan waited,
                           caf::timespan threshold);

template <class T>
using by_name = std::unordered_map<std::string, std::unique_ptr<T>>;

/// The jobs of one base level in a lane.
struct lane_level {
  int32_t base = 0;
  sequence ready = {};
  /// Their `not_before` has not come.
  sequence delayed = {};
};

/// The job that a lane sends.
struct lane_head {
  /// Its effective priority; `rank::none` if there is no job.
  int32_t priority = rank::none;
  place at = {};
  int32_t base = 0;
  uint32_t item = 0;
};

/// A party at one provider.
struct seat {
  party* whose = nullptr;
  provider_slots* there = nullptr;
  /// Null for an org: it competes for the provider.
  seat* above = nullptr;
  /// Entries at or below it. It goes with the last.
  size_t entries = 0;

  /// As the contest above knows it.
  rank stands = {};
  size_t slot = SIZE_MAX;
  contest<seat, &seat::slot> below = {};

  // Of lanes only:
  account* user = nullptr;
  std::vector<lane_level> levels = {};
  /// Valid while it competes.
  lane_head head = {};
  /// Its head rises then or later.
  timestamp rises = timestamp::max();
  size_t rises_slot = SIZE_MAX;
};

/// Who takes turns. What each choice looks at comes first.
struct party {
  /// `nobody` is an org or a team without a name: no limit counts its jobs.
  enum class kind : uint8_t { all, org, team, user, nobody };
  kind what = kind::all;
  party* above = nullptr;
  int64_t held = 0;
  turns taken = turns{};
  /// By number of the provider; null where it has no entries.
  std::vector<std::unique_ptr<seat>> seats = {};
  /// Entries of it. It goes with the last.
  size_t entries = 0;
  std::string name = {};
  by_name<party> parts = {};
};

/// Whom the limit per user counts, in whatever org and team.
struct account {
  std::string user_id;
  int64_t held = 0;
  std::vector<seat*> lanes = {};
};

/// Whom the limit per provider counts.
struct provider_slots {
  std::string name;
  /// Of all providers.
  size_t number = 0;
  int64_t held = 0;
  /// How many more may be chosen; none: any number.
  caf::optional<int64_t> room = caf::none;
  contest<seat, &seat::slot> orgs = {};
};

/// All lanes, who holds slots, and who may go next. Not thread-safe. Seats are
/// valid from `enter` until as many `leave`.
class lanes {
public:
  explicit lanes(caf::timespan threshold) : threshold_(threshold) {
  }

  /// O(lanes) if they changed.
  void set_limits(const queue_limits& limits);

  void set_room(const std::string& provider, int64_t room);

  /// Counts an entry in. @returns its lane.
  seat& enter(const queue_entry& entry);
  void leave(seat& lane);

  void add(seat& lane, int32_t base, place at, uint32_t item);
  void remove(seat& lane, int32_t base, place at);
  void add_delayed(seat& lane, int32_t base, place at, uint32_t item);
  void remove_delayed(seat& lane, int32_t base, place at);

  /// Counts a holder of a slot in or out.
  void hold(seat& lane);
  void release(seat& lane);

  /// Lets what waits rise to where it is at `now`.
  void advance(timestamp now);

  /// @returns the lane that is next, or null: nobody has room.
  seat* best() const;

  /// Gives the head of `lane` a slot and its parties' turn away.
  /// @pre `lane` is `best()`.
  void take(seat& lane);

  bool is_full() const;
  bool is_full(const party& subject) const;
  bool is_full(const account& subject) const;
  /// Whether its slots are held, whatever its room.
  bool is_full(const provider_slots& subject) const;
  static bool has_room(const provider_slots& subject);

  int64_t held() const {
    return held_;
  }
  const queue_limits& limits() const {
    return limits_;
  }
  /// @returns 0 if there is none.
  int64_t limit_of(const party& subject) const;
  caf::timespan threshold() const {
    return threshold_;
  }
  /// The party that all orgs belong to.
  const party& all() const {
    return *all_;
  }

private:
  /// Whose room has begun or ended.
  struct turned {
    bool user = false;
    bool parties = false;
  };

  provider_slots& provider_of(const std::string& name);
  party& part_of(party& above, party::kind what, const std::string& name);
  seat& seat_of(party& whose, seat* above, provider_slots& there);
  void leave(party& from);
  /// Counts holders of `lane`. @returns what is full now and was not, or the
  /// other way round.
  turned count(seat& lane, int64_t holders);
  rank rank_of(seat& x);
  lane_head head_of(const seat& lane) const;
  rank rank_of_lane(seat& lane);
  bool stand_again(seat& x);
  void refresh(seat& x);
  void refresh(party& subject);
  void refresh_around(seat& lane, bool user_too);
  void refresh_below(party& top);

  caf::timespan threshold_;
  queue_limits limits_;
  int64_t held_ = 0;
  timestamp now_ = {};
  /// Of the last turn.
  int64_t turn_ = 0;
  std::unique_ptr<party> all_ = std::make_unique<party>();
  by_name<account> accounts_;
  /// As many as names were ever seen, a handful.
  std::vector<std::unique_ptr<provider_slots>> providers_;
  contest<seat, &seat::rises_slot> rising_;
};

/// Calls `visit` with each lane of `top` or below.
template <class F>
void visit_lanes(const party& top, F&& visit) {
  if (top.what == party::kind::user) {
    for (const auto& x : top.seats)
      if (x)
        visit(*x);
  }
  for (const auto& [name, x] : top.parts)
    visit_lanes(*x, visit);
}

} // namespace tunerd
