#pragma once

#include "actors/store/connection.hpp"
#include "messages/approvals.hpp"

namespace tunerd::sql {

/// @returns whether the deadline of `x` has come.
inline bool is_due(const approval& x, timestamp now) {
  return x.expires_at && *x.expires_at <= now;
}

/// The table `approvals`: requests for approval, one pending per job at most.
class approval_table {
public:
  explicit approval_table(connection& db) : db_(db) {
  }

  /// Stores a new request; its id is ignored. @returns its id.
  /// @pre its job is stored and has no pending one
  int64_t insert(const approval& x);

  caf::optional<approval> find(int64_t id);
  caf::optional<approval> find_pending(const std::string& job_id);
  caf::optional<approval> find_newest(const std::string& job_id);

  /// Writes the final status of `x` and who reviewed it, if the stored one is
  /// pending and due just if `x` is expired. @returns whether it was.
  bool decide(const approval& x, timestamp now);

  /// Gives a pending request that is not due yet another deadline, of which
  /// people are to be warned anew. @returns whether it was one.
  bool extend(int64_t id, timestamp expires_at, timestamp now);

  void set_warned(int64_t id);

  /// @returns pending requests whose deadline has come, at most `count`,
  /// earliest first.
  std::vector<approval> list_due(timestamp now, int64_t count);

  /// @returns the same of those that are due between `now` and `until`, and of
  /// which nobody was warned.
  std::vector<approval> list_to_warn(timestamp now, timestamp until,
                                     int64_t count);

  /// @returns the earliest deadline of a pending request.
  caf::optional<timestamp> next_deadline();

  /// @returns the same of those of which nobody was warned.
  caf::optional<timestamp> next_to_warn();

  bool has_pending(int64_t rule_id);

  /// @returns one page, newest first, and the number of pending ones.
  approval_list list(const list_approvals& query);

  /// @returns what `who` may see of one unit of work, oldest first, at most
  /// `count`.
  std::vector<approval> trace(const caller& who,
                              const std::string& correlation_id, int64_t count);

private:
  connection& db_;
};

} // namespace tunerd::sql
