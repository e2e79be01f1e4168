#pragma once

#include "actors/store/connection.hpp"
#include "messages/events.hpp"

namespace tunerd::sql {

/// The table `events`: append-only, ids without gaps in commit order.
class event_log {
public:
  explicit event_log(connection& db) : db_(db) {
  }

  /// Gives `x` the next id. @returns it.
  int64_t append(const event& x);

  /// @returns the largest id ever given, 0 if there is none.
  int64_t head();

  /// @returns up to `limit` events above `after`, and where the log begins
  /// and ends. Wants a snapshot.
  event_page read(int64_t after, int32_t limit);

  /// @returns the first `limit` events under a correlation id that `who` may
  /// see, internal ones too.
  std::vector<event> trace(const caller& who, const std::string& correlation_id,
                           int64_t limit);

  /// Removes the oldest events from before `time`, at most `count`.
  void prune(timestamp time, int64_t count);

private:
  connection& db_;
};

} // namespace tunerd::sql
