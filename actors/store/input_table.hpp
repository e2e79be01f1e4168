#pragma once

#include "actors/store/connection.hpp"
#include "messages/jobs.hpp"

namespace tunerd::sql {

/// The table `job_inputs`: what is sent to a provider. No route returns it; it
/// goes some time after its job.
class input_table {
public:
  explicit input_table(connection& db) : db_(db) {
  }

  void insert(const std::string& job_id, const provider_input& x);

  caf::optional<provider_input> find(const std::string& job_id);

  /// Lets `prune` remove it from `time` on.
  void expire(const std::string& job_id, timestamp time);

  /// Removes inputs whose time has come, at most `count`.
  void prune(timestamp now, int64_t count);

private:
  connection& db_;
};

} // namespace tunerd::sql
