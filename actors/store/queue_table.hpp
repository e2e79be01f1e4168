#pragma once

#include "actors/store/connection.hpp"
#include "messages/dispatch.hpp"
#include "messages/queue.hpp"

namespace tunerd::sql {

/// Since when a job waits, and its row: no two have the same.
struct queue_place {
  timestamp queued_at = timestamp::min();
  int64_t row = 0;
};

/// The queue columns of the table `jobs`: what waits and what holds a slot.
/// Nothing here reads jobs that are over, unless it is asked for them.
class queue_table {
public:
  explicit queue_table(connection& db) : db_(db) {
  }

  /// @returns how many slots are held in all, by a user, by a team of an org,
  /// by an org.
  int64_t held();
  int64_t held_by_user(const std::string& user_id);
  int64_t held_by_team(const std::string& org_id, const std::string& team_id);
  int64_t held_by_org(const std::string& org_id);
  int64_t held_by_provider(const std::string& provider);

  /// @returns what is ready or running: as many as there are slots.
  std::vector<queue_entry> holders();

  /// @returns the first `count` pending ones behind `after`, in that order.
  std::vector<queue_entry> waiting(const queue_place& after, int64_t count);

  /// @returns the entry of `job_id` if it is pending, ready or running.
  std::vector<queue_entry> entries(const std::string& job_id);

  /// Slot holders first, then the rest by priority and time; what is over
  /// and still listed comes last, newest first.
  queue_page list(const list_queue& query);

  /// @returns what `user_id` has in the queue, as far as `who` may see it: how
  /// many, and the first ten each of those that wait and that hold a slot.
  user_queue of_user(const caller& who, const std::string& user_id);

  /// Takes the oldest entries that ended before `before` out of the lists, at
  /// most `count`. @returns how many.
  int64_t unlist(timestamp before, int64_t count);

  /// @param since For the mean wait: first claims from then on count.
  queue_stats stats(timestamp since);

private:
  int64_t count_visible(const caller& who, queue_status status);
  int64_t count_active(const caller& who);

  /// @returns a page of what `who` may see and `picked` holds for; ?3 is the
  /// status or empty.
  std::vector<job> read_page(const list_queue& query, const std::string& picked,
                             const char* order, int32_t limit, int64_t offset);

  connection& db_;
};

} // namespace tunerd::sql
