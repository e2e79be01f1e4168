#pragma once

#include "actors/store/connection.hpp"

namespace tunerd::sql {

/// The table `idempotency_keys`: which submission a user's key stands for.
class idempotency_table {
public:
  struct entry {
    std::string request_hash;
    std::string job_id;
  };

  explicit idempotency_table(connection& db) : db_(db) {
  }

  /// @returns what `key` of `user_id` stands for at `now`.
  caf::optional<entry> find(const std::string& user_id, const std::string& key,
                            timestamp now);

  /// Remembers a key, instead of an expired one if there is one.
  void insert(const std::string& user_id, const std::string& key,
              const entry& x, timestamp expires_at);

  /// Removes keys that have expired, at most `count`.
  void prune(timestamp now, int64_t count);

private:
  connection& db_;
};

} // namespace tunerd::sql
