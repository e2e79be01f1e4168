#pragma once

#include "messages/queue.hpp"

#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

// Which job runs next. Pure: no clock, no messages.
//
// Problem: a choice must not get slower with the number of jobs that wait
// behind a user at the limit, and the order changes by itself, because waiting
// jobs rise.
//
// Idea 1: jobs of one base level never overtake each other, so each level is a
// list by (queued_at, row), and only the first of each level competes. Time
// changes the winner, never a list: nothing is sorted again.
// Idea 2: jobs of one (org, team, user, provider) form a lane. A lane found
// without room is moved behind the limit that stops it and costs nothing until
// that limit has room again; then only the best lane behind it competes.

namespace tunerd {

/// @returns the rank of a job of base level `base` that has waited `waited`:
/// one level (10) more per full `threshold`, at most 40; above 40 as it is.
int32_t effective_priority(int32_t base, caf::timespan waited,
                           caf::timespan threshold);

/// The jobs that wait for a slot, in order, and the jobs that hold one. A cache
/// of the store: it proposes, the claim decides. One entry per job; it leaves
/// by `erase` or `clear`, and everything kept for it leaves with it. Not
/// thread-safe.
class job_queue {
public:
  /// @param threshold A job waiting this long rises by one level.
  explicit job_queue(caf::timespan threshold);
  ~job_queue();
  job_queue(job_queue&&) noexcept;
  job_queue& operator=(job_queue&&) noexcept;

  void set_limits(const queue_limits& limits);

  /// How many more jobs of `provider` may be chosen; choosing uses it up. No
  /// room was ever set: any number. Bounded by the names of the providers.
  void set_room(const std::string& provider, int64_t room);

  /// Inserts or replaces the entry of one job. Entries that neither wait nor
  /// hold a slot are kept out.
  void update(const queue_entry& entry);

  void erase(const std::string& job_id);

  /// Erases all entries; limits and rooms stay.
  void clear();

  /// Gives slots to at most `max` waiting jobs, as far as the limits leave
  /// room. They count as holding them until `update` or `erase` says
  /// otherwise. O((51 + log n) per job) amortized.
  /// @returns their ids in the order to claim them.
  std::vector<std::string> choose(timestamp now, size_t max);

  /// Lets a waiting job hold a slot although nobody chose it now.
  void hold(const std::string& job_id);

  /// Keeps a waiting job from being chosen before `until`.
  void postpone(const std::string& job_id, timestamp until);

  /// @returns the rank of a waiting job among all that wait, 1 = first, or 0
  /// if it does not wait. Limits, parked providers and `not_before` may let a
  /// later one start earlier. O(51 log n).
  int64_t position(const std::string& job_id, timestamp now) const;

  /// @returns the entry, or null. Valid until the next change.
  const queue_entry* find(const std::string& job_id) const;

  /// @returns every limit that keeps a waiting job from a slot now, nearest
  /// first, with who holds its slots. Of a provider without room only that it
  /// has none; its owner knows more. Empty if it does not wait. Judged by what
  /// `choose` judges by. O(jobs that hold slots).
  std::vector<queue_constraint> full_limits(const std::string& job_id) const;

  /// @returns how many slots there are in all; 0 means no limit.
  int64_t slots() const;

  /// @returns why a `choose` just now gave nothing, for the log.
  std::string why_none() const;

  /// @returns when the next job that waits for its time may be chosen.
  caf::optional<timestamp> next_due() const;

  size_t waiting() const;
  int64_t held() const;

private:
  struct item;
  struct lane;
  struct scope;
  enum class kind : uint8_t { user, team, org, provider };

  /// Place within a base level. Rows are unique, so places are.
  using place = std::pair<timestamp, int64_t>;
  /// The same things per base level, highest first.
  template <class T>
  using levels = std::map<int32_t, T, std::greater<>>;
  using ranking
    = __gnu_pbds::tree<place, __gnu_pbds::null_type, std::less<place>,
                       __gnu_pbds::rb_tree_tag,
                       __gnu_pbds::tree_order_statistics_node_update>;
  using lane_key = std::array<std::string, 4>; // org, team, user, provider

  /// Lanes waiting behind one limit, or behind none. While open, the first
  /// lane of each level competes in `front_`.
  struct group {
    bool open = true;
    levels<std::map<place, lane*>> heads = {};
  };

  lane& enter_lane(const queue_entry& entry);
  void leave_lane(lane& from);
  scope* enter_scope(kind what, const std::string& name);
  void leave_scope(scope* from);

  void start_waiting(item& x);
  void stop_waiting(item& x);
  void start_holding(item& x);
  void stop_holding(item& x);
  void release_due(timestamp now);

  void enqueue(item& x);
  void dequeue(item& x);
  void add_head(group& to, int32_t level, place at, lane& subject);
  void remove_head(group& from, int32_t level, place at);
  void move_lane(lane& subject, group& to);
  void set_open(group& subject, bool open);
  void check(scope& subject);

  int64_t limit_of(kind what) const;
  bool is_full() const;
  bool is_full(const scope& subject) const;
  std::vector<std::string> holders_of(const scope* subject) const;
  scope* full_scope(const lane& subject) const;
  /// @returns the first waiting job of all open groups, or null.
  item* best(timestamp now) const;
  int64_t count_ahead(int32_t level, const ranking& jobs, int32_t effective,
                      place at, timestamp now) const;

  caf::timespan threshold_;
  queue_limits limits_;
  std::unordered_map<std::string, item> items_;
  /// Those that hold a slot.
  std::map<place, const item*> holding_;
  std::map<lane_key, lane> lanes_;
  std::map<std::pair<kind, std::string>, scope> scopes_;
  /// Lanes that no limit stopped so far.
  std::unique_ptr<group> free_;
  levels<std::map<place, group*>> front_;
  /// All that wait, for `position`.
  levels<ranking> ranks_;
  /// Jobs whose `not_before` has not come.
  std::set<std::pair<timestamp, std::string>> delayed_;
};

} // namespace tunerd
