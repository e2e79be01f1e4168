#pragma once

#include "actors/store/connection.hpp"
#include "messages/jobs.hpp"

namespace tunerd::sql {

/// The columns of `jobs` in the order that `read_job` wants.
extern const std::string job_columns;

/// @returns the job in a row that begins with `job_columns`.
job read_job(const statement& row);

/// @returns a condition on `jobs` that holds for what `who` may see, see
/// `may_see`. Bind the user to ?1 and the org to ?2.
std::string visible_to(const caller& who);

/// The table `jobs`: single jobs and lists of them.
class job_table {
public:
  explicit job_table(connection& db) : db_(db) {
  }

  /// Stores a new job; `x.row` is ignored. @returns its row.
  /// @pre no job has `x.id`
  int64_t insert(const job& x);

  caf::optional<job> find(const std::string& id);

  /// @returns the job that the provider calls `external_id`; none if that is
  /// empty.
  caf::optional<job> find_external(const std::string& provider,
                                   const std::string& external_id);

  /// Writes what can change from `before` to `after`, if status and entry are
  /// still those of `before`. @returns whether they were.
  bool update(const job& before, const job& after);

  /// Sets the job's request for approval (0: none) and what the cost limit
  /// counts while it is active.
  void set_terms(const std::string& id, int64_t approval_id,
                 int64_t reserved_micros);

  void erase(const std::string& id);

  /// Sets how often in a row, and since when, the provider did not know it.
  void set_missing(const std::string& id, caf::optional<timestamp> since,
                   int64_t count);

  /// How often in a row the provider did not know a job.
  struct missing {
    caf::optional<timestamp> since = caf::none;
    int64_t count = 0;
  };
  missing find_missing(const std::string& id);

  /// @returns one page, newest first, and the number of all matches.
  job_list list(const list_jobs& query);

  /// @returns every active job with an external id.
  std::vector<job> list_at_provider();

private:
  connection& db_;
};

} // namespace tunerd::sql
