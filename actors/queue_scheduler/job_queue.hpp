#pragma once

#include "actors/queue_scheduler/id_index.hpp"
#include "actors/queue_scheduler/lanes.hpp"
#include "actors/queue_scheduler/standings.hpp"
#include "messages/queue.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

// Which job runs next. Pure: no clock, no messages.
//
// Problem: a choice must not get slower with the number of jobs that wait, nor
// with that of the users at their limits; and the order changes by itself,
// because waiting jobs rise and, with fair share, who was served goes last.
//
// Idea 1: jobs of one base level never overtake each other, so the jobs of a
// user (of one team, at one provider) are one sequence per level, and only the
// first of each can be next. Time changes which of these firsts is best, at a
// moment known in advance: one heap of such moments, nothing else is looked at.
// Idea 2: a tree of contests, user -> team -> org -> provider. Whoever is at a
// limit, or has nothing to run, is not in the contest above; a freed slot puts
// it back. So a choice walks down from the best org and moves three entries,
// and the jobs behind a limit cost nothing.
//
// Order: effective priority, then, with fair share, the turns of the org, the
// team, the user (fair_share.hpp), then `queued_at`, row.

namespace tunerd {

/// One limit that a waiting job must pass, and how far back it stands there.
struct queue_line {
  int64_t limit = 0;
  int64_t used = 0;
  /// Its place among the waiting jobs of that scope, 1 = next; of a provider:
  /// among all.
  int64_t place = 0;
};

/// The jobs that wait for a slot, in order, and the jobs that hold one. A cache
/// of the store: it proposes, the claim decides. One entry per job, about
/// 260 bytes; it leaves by `erase` or `end_renewal`, and everything kept for it
/// leaves with it, but for the providers, which are few. Not thread-safe.
class job_queue {
public:
  /// @param threshold A job waiting this long rises by one level.
  explicit job_queue(caf::timespan threshold);

  /// Takes from no one. O(users) if they changed.
  void set_limits(const queue_limits& limits);

  /// How many more jobs of `provider` may be chosen; choosing uses it up. No
  /// room was ever set: any number. Bounded by the names of the providers.
  void set_room(const std::string& provider, int64_t room);

  /// Inserts or replaces the entry of one job. Entries that neither wait nor
  /// hold a slot are kept out.
  void update(const queue_entry& entry);

  void erase(const std::string& job_id);

  /// All entries are about to be read again. Until `end_renewal` nothing
  /// changes but by `update` and `erase`: who stays keeps its turns.
  void begin_renewal();

  /// Erases what no `update` has named since the last `begin_renewal`.
  void end_renewal();

  /// Gives slots to at most `max` waiting jobs, as far as the limits leave
  /// room. They count as holding them until `update` or `erase` says
  /// otherwise. O(log n) per job, and per head of a lane that rose meanwhile.
  ///
  /// Nothing that could run waits while a slot is free. A job that could run is
  /// passed over only by higher effective priority, which after four thresholds
  /// is a base above 40, and at its own priority
  /// * without fair share by jobs that wait longer;
  /// * with it by at most one job of each other org per turn of its org, one of
  ///   each other team per turn of its team, one of each other user per turn of
  ///   its user: with o orgs, t teams in its org, u users in its team and n
  ///   jobs of its user before it, by less than o * t * u * (n + 1) jobs,
  ///   whatever else is submitted meanwhile.
  /// @returns their ids in the order to claim them.
  std::vector<std::string> choose(timestamp now, size_t max);

  /// Lets a waiting job hold a slot although nobody chose it now.
  void hold(const std::string& job_id);

  /// Keeps a waiting job from being chosen before `until`.
  void postpone(const std::string& job_id, timestamp until);

  /// @returns the rank of a waiting job among all that wait, 1 = first, or 0
  /// if it does not wait: exactly one more than the jobs that `choose` would
  /// take before it now, had everyone room. Limits, parked providers and
  /// `not_before` may let a later one start earlier. O(levels * n / 128) steps
  /// over adjacent sizes; with fair share also O(lanes), see `positions`.
  int64_t position(const std::string& job_id, timestamp now) const;

  /// @returns the positions of those that wait. With fair share all lanes are
  /// counted once per priority, not once per job.
  std::map<std::string, int64_t>
  positions(const std::vector<std::string>& job_ids, timestamp now) const;

  /// @returns every limit that a waiting job must pass, nearest first. Of a
  /// user in several teams only this one's jobs stand in line.
  std::vector<queue_line> lines(const std::string& job_id, timestamp now) const;

  bool contains(const std::string& job_id) const;

  /// @returns the entry, or none.
  caf::optional<queue_entry> find(const std::string& job_id) const;

  /// @returns every limit that keeps a waiting job from a slot now, nearest
  /// first, with who holds its slots; kind "submissions" of a provider without
  /// room: its owner knows more. Empty if it does not wait. Judged by what
  /// `choose` judges by. O(jobs that hold slots).
  std::vector<queue_constraint> full_limits(const std::string& job_id) const;

  /// @returns why a `choose` just now gave nothing, for the log.
  std::string why_none() const;

  /// @returns when the next job that waits for its time may be chosen.
  caf::optional<timestamp> next_due() const;

  size_t waiting() const;
  int64_t held() const;

private:
  enum class state : uint8_t { free, waiting, delayed, holding };

  struct item {
    std::string job_id;
    std::string correlation_id;
    int64_t row = 0;
    timestamp queued_at = {};
    timestamp not_before = {};
    seat* lane = nullptr;
    int32_t priority = 0;
    /// As the store says; a job chosen or held here may be ahead of it.
    queue_status status = queue_status::pending;
    state is = state::free;
    /// The renewal that saw it last.
    uint8_t seen = 0;

    place at() const {
      return {queued_at, row};
    }
  };

  static constexpr uint32_t block_size = 1024;

  item& at(uint32_t number);
  const item& at(uint32_t number) const;
  void grow();
  uint32_t number_of(const std::string& job_id) const;
  uint32_t add(const std::string& job_id);
  /// @returns the item of a waiting job, or null.
  const item* find_waiting(const std::string& job_id) const;
  bool says_the_same(const item& x, const queue_entry& entry) const;
  void write(item& x, const queue_entry& entry);
  void start(uint32_t number);
  void stop(uint32_t number);
  void start_waiting(uint32_t number);
  void stop_waiting(uint32_t number);
  void start_holding(uint32_t number);
  void release_due(timestamp now);
  void forget_rank(const item& x);
  /// Of at most 100 of those in `lanes` for which `is_theirs`.
  template <class F>
  std::vector<std::string> holders_of(F is_theirs) const;

  lanes lanes_;
  /// By number, in blocks that never move. Those that are free are in `free_`.
  std::vector<std::unique_ptr<item[]>> items_;
  std::vector<uint32_t> free_;
  id_index numbers_;
  /// Those that hold a slot.
  sequence holding_;
  /// All that wait.
  base_levels levels_;
  /// Jobs whose `not_before` has not come.
  std::set<std::pair<timestamp, uint32_t>> delayed_;
  /// Renewals begun, in a circle.
  uint8_t renewal_ = 0;
};

} // namespace tunerd
