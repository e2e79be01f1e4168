#pragma once

#include "actors/store/transaction.hpp"
#include "messages/jobs.hpp"
#include "messages/queue.hpp"

#include <caf/expected.hpp>

// What each command of the store does, one overload per command. They run
// inside a savepoint: after an error or an exception nothing of them remains.
// All may throw sqlite_error.

namespace tunerd::sql {

caf::expected<job_submitted> run(transaction& tx, const submit_job& command);
caf::expected<job_found> run(transaction& tx, const end_job& command);
caf::expected<job_found> run(transaction& tx, const delete_job& command);
caf::expected<status_applied> run(transaction& tx, const apply_status& command);
caf::expected<status_applied> run(transaction& tx,
                                  const report_missing_job& command);

caf::expected<jobs_claimed> run(transaction& tx, const claim_jobs& command);
caf::expected<submission_recorded> run(transaction& tx,
                                       const record_submission& command);
caf::expected<job_found> run(transaction& tx, const close_attempt& command);
caf::expected<limits_in_force> run(transaction& tx, const set_limits& command);

caf::expected<event_appended> run(transaction& tx, const append_event& command);

/// What `run` answers to a command.
template <class Command>
using answer_to = typename decltype(run(
  std::declval<transaction&>(), std::declval<const Command&>()))::value_type;

/// Removes a bounded number of rows whose time has come: old events, inputs of
/// jobs that are over, expired keys.
void clean_up(connection& db, timestamp now);

} // namespace tunerd::sql
