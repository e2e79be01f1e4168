#pragma once

#include "actors/store/transaction.hpp"
#include "config/retention.hpp"
#include "messages/approvals.hpp"
#include "messages/audit.hpp"
#include "messages/dispatch.hpp"
#include "messages/jobs.hpp"
#include "messages/limits.hpp"
#include "messages/progress.hpp"
#include "messages/queue.hpp"
#include "messages/settings.hpp"
#include "messages/webhooks.hpp"

#include <caf/expected.hpp>

// What each command of the store does, one overload per command. They run
// inside a savepoint: after an error or an exception nothing of them remains.
// All may throw database_error.

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
caf::expected<job_found> run(transaction& tx, const note_twin& command);
caf::expected<job_found> run(transaction& tx, const end_watch& command);
caf::expected<limits_in_force> run(transaction& tx, const set_limits& command);

caf::expected<webhook_applied> run(transaction& tx,
                                   const apply_webhook& command);
caf::expected<jobs_imported> run(transaction& tx, const import_jobs& command);
caf::expected<job_found> run(transaction& tx, const cancel_queued_job& command);
caf::expected<priority_set> run(transaction& tx, const set_priority& command);
caf::expected<queue_cleaned> run(transaction& tx, const clean_queue& command);

caf::expected<rule_found> run(transaction& tx, const create_rule& command);
caf::expected<rule_found> run(transaction& tx, const change_rule& command);
caf::expected<rule_found> run(transaction& tx, const delete_rule& command);
caf::expected<approval_decided> run(transaction& tx,
                                    const decide_approval& command);
caf::expected<approval_found> run(transaction& tx,
                                  const extend_approval& command);
caf::expected<approvals_swept> run(transaction& tx,
                                   const sweep_approvals& command);

caf::expected<settings_found> run(transaction& tx, const put_settings& command);
caf::expected<audit_appended> run(transaction& tx, const append_audit& command);

caf::expected<event_appended> run(transaction& tx, const append_event& command);

/// What `run` answers to a command.
template <class Command>
using answer_to = typename decltype(run(
  std::declval<transaction&>(), std::declval<const Command&>()))::value_type;

/// Removes a bounded number of rows whose time has come: old events, inputs of
/// jobs that are over, expired keys, and what `kept` keeps no longer. Never
/// what is active or open.
void clean_up(connection& db, timestamp now, const config::retention& kept);

} // namespace tunerd::sql
