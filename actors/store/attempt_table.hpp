#pragma once

#include "actors/store/connection.hpp"
#include "actors/store/rules.hpp"

namespace tunerd::sql {

/// The table `attempts`: who was submitted when, and what came of it.
class attempt_table {
public:
  explicit attempt_table(connection& db) : db_(db) {
  }

  /// Opens an attempt for `x`. @returns its id. @pre it has no open one
  int64_t open(const job& x, const provider_input& input, timestamp now);

  /// Notes that `external_id` belongs to the imported job `x` for ever. No
  /// attempt of ours: its number is 0. @pre `is_taken` by nobody
  void adopt(const job& x, timestamp now);

  /// @returns since when the oldest submission to `provider` has been open
  /// whose external id is not known.
  caf::optional<timestamp> oldest_claim(const std::string& provider);

  /// @returns the attempt `id` of `job_id`.
  caf::optional<attempt> find(const std::string& job_id, int64_t id);

  /// @returns the open attempt of `job_id`.
  caf::optional<attempt> find_open(const std::string& job_id);

  /// @returns whether anyone but `mine` has this external id.
  bool is_taken(const std::string& provider, const std::string& external_id,
                const attempt& mine);

  /// Writes what can change, if the attempt is still as in `before`.
  /// @returns whether it was.
  bool update(const attempt& before, const attempt& after);

  /// @returns whether an attempt of `job_id` is watched.
  bool is_watched(const std::string& job_id);

  /// Gives the external id to a watched attempt. @pre `is_taken` by nobody
  void note_twin(int64_t id, const std::string& external_id);

  void end_watch(int64_t id);

  /// @returns every attempt that is open or watched.
  std::vector<open_attempt> list_open();

  /// @returns those of `job_id`.
  std::vector<open_attempt> list_open(const std::string& job_id);

private:
  connection& db_;
};

} // namespace tunerd::sql
