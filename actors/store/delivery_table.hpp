#pragma once

#include "actors/store/connection.hpp"

namespace tunerd::sql {

/// The table `webhook_deliveries`: which deliveries had their effect, and which
/// came before their job's external id was recorded. Without their bodies.
class delivery_table {
public:
  explicit delivery_table(connection& db) : db_(db) {
  }

  /// @returns whether this delivery had its effect before `now`.
  bool had_effect(const std::string& provider, const std::string& delivery_id,
                  timestamp now);

  /// Remembers it for a day from `now`. @param is_early It had no effect yet.
  void remember(const std::string& provider, const std::string& delivery_id,
                const std::string& external_id, bool is_early,
                const std::string& correlation_id, timestamp now);

  /// @returns whether one about `external_id` was early; forgets that.
  bool take_early(const std::string& provider, const std::string& external_id,
                  timestamp now);

  /// Removes what expired, at most `count`, and the oldest of more than
  /// `kept_max`.
  void prune(timestamp now, int64_t count, int64_t kept_max);

private:
  connection& db_;
};

} // namespace tunerd::sql
