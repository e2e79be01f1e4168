#pragma once

#include "messages/type_ids.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

// The protocol of every actor. A reader who knows this file knows which actor
// may say what to whom. What a message means stands at the message.

namespace tunerd {

/// The LOG SINK: writes what the log buffer holds to stdout and the file.
using log_sink_actor = caf::typed_actor<
  // INTERNAL: one wake-up for any number of lines.
  caf::reacts_to<write_log>,
  // Nothing written before or after is lost.
  caf::reacts_to<reopen_log>, caf::replies_to<get_log_levels>::with<log_levels>,
  // `overloaded`: too many loggers have a level of their own.
  caf::replies_to<change_log_level>::with<log_levels>>;

/// The LOG READER: finds lines in the log file and the rotated ones.
using log_reader_actor = caf::typed_actor<
  // `overloaded`: too many want the same.
  caf::replies_to<find_log_lines>::with<log_lines_found>,
  // INTERNAL: reads the next piece.
  caf::reacts_to<tick>>;

/// An EVENT LISTENER: anyone who wants to know soon that the log has grown.
using event_listener_actor = caf::typed_actor<
  // A hint: losing it costs latency until the receiver's next tick.
  caf::reacts_to<events_appended>>;

/// The JOB STORE: jobs, their inputs and their attempts. A command's answer
/// comes after its COMMIT; `database_error` means that it had no effect.
using job_store_actor = caf::typed_actor<
  // `conflict`: the idempotency key is known with another request.
  caf::replies_to<submit_job>::with<job_submitted>,
  caf::replies_to<get_job>::with<job_found>,
  caf::replies_to<list_jobs>::with<job_list>,
  caf::replies_to<end_job>::with<job_found>,
  // Answers the job as it was.
  caf::replies_to<delete_job>::with<job_found>,
  caf::replies_to<apply_status>::with<status_applied>,
  caf::replies_to<report_missing_job>::with<status_applied>,
  // Answers all of them, `total` of them, whoever asks.
  caf::replies_to<list_active_jobs>::with<job_list>,
  caf::replies_to<apply_webhook>::with<webhook_applied>,
  caf::replies_to<import_jobs>::with<jobs_imported>,
  caf::replies_to<get_job_logs>::with<job_logs_found>>;

/// The QUEUE STORE: slots, attempts and limits.
using queue_store_actor = caf::typed_actor<
  caf::replies_to<load_queue>::with<queue_snapshot>,
  caf::replies_to<reload_queue>::with<queue_snapshot>,
  caf::replies_to<claim_jobs>::with<jobs_claimed>,
  caf::replies_to<record_submission>::with<submission_recorded>,
  caf::replies_to<close_attempt>::with<job_found>,
  caf::replies_to<note_twin>::with<job_found>,
  caf::replies_to<end_watch>::with<job_found>,
  caf::replies_to<list_queue>::with<queue_page>,
  caf::replies_to<get_queue_stats>::with<queue_stats>,
  caf::replies_to<get_limits>::with<limits_in_force>,
  caf::replies_to<set_limits>::with<limits_in_force>,
  caf::replies_to<get_user_queue>::with<user_queue>,
  caf::replies_to<cancel_queued_job>::with<job_found>,
  caf::replies_to<set_priority>::with<priority_set>,
  caf::replies_to<clean_queue>::with<queue_cleaned>>;

/// The APPROVAL STORE: rules and requests. Deadlines are judged by its clock.
using approval_store_actor
  = caf::typed_actor<caf::replies_to<create_rule>::with<rule_found>,
                     caf::replies_to<change_rule>::with<rule_found>,
                     caf::replies_to<delete_rule>::with<rule_found>,
                     caf::replies_to<get_rule>::with<rule_found>,
                     caf::replies_to<list_rules>::with<rule_list>,
                     caf::replies_to<decide_approval>::with<approval_decided>,
                     caf::replies_to<extend_approval>::with<approval_found>,
                     caf::replies_to<get_approval>::with<approval_found>,
                     caf::replies_to<list_approvals>::with<approval_list>,
                     caf::replies_to<sweep_approvals>::with<approvals_swept>>;

/// The SETTINGS STORE: what is set over the API.
using settings_store_actor
  = caf::typed_actor<caf::replies_to<get_settings>::with<settings_found>,
                     caf::replies_to<put_settings>::with<settings_found>>;

/// The LEDGER: what was done, by whom, and what it cost.
using ledger_actor
  = caf::typed_actor<caf::replies_to<append_audit>::with<audit_appended>,
                     caf::replies_to<get_trace>::with<trace_found>,
                     caf::replies_to<get_store_metrics>::with<store_metrics>,
                     caf::replies_to<get_cost_report>::with<cost_report>,
                     caf::replies_to<get_cost_limit>::with<cost_limit_status>>;

/// The EVENT LOG: append-only, ids in commit order.
using event_log_actor
  = caf::typed_actor<caf::replies_to<append_event>::with<event_appended>,
                     caf::replies_to<read_events>::with<event_page>>;

/// An EVENT READER: the event log for those who only read it. The store and
/// its readers are such.
using event_reader_actor
  = caf::typed_actor<caf::replies_to<read_events>::with<event_page>>;

/// The STORE: all roles, and its own group commit.
using store_actor
  = job_store_actor::extend_with<queue_store_actor>::extend_with<
    approval_store_actor>::extend_with<settings_store_actor>::
    extend_with<ledger_actor>::extend_with<event_log_actor>::extend<
      // INTERNAL: commits what has gathered and answers.
      caf::reacts_to<tick>>;

/// The STORE READER: the queries of the store, on its own connection.
using store_reader_actor
  = caf::typed_actor<caf::replies_to<get_job>::with<job_found>,
                     caf::replies_to<list_jobs>::with<job_list>,
                     caf::replies_to<list_active_jobs>::with<job_list>,
                     caf::replies_to<load_queue>::with<queue_snapshot>,
                     caf::replies_to<reload_queue>::with<queue_snapshot>,
                     caf::replies_to<list_queue>::with<queue_page>,
                     caf::replies_to<get_queue_stats>::with<queue_stats>,
                     caf::replies_to<get_limits>::with<limits_in_force>,
                     caf::replies_to<get_job_logs>::with<job_logs_found>,
                     caf::replies_to<get_user_queue>::with<user_queue>,
                     caf::replies_to<get_rule>::with<rule_found>,
                     caf::replies_to<list_rules>::with<rule_list>,
                     caf::replies_to<get_approval>::with<approval_found>,
                     caf::replies_to<list_approvals>::with<approval_list>,
                     caf::replies_to<get_settings>::with<settings_found>,
                     caf::replies_to<get_trace>::with<trace_found>,
                     caf::replies_to<get_store_metrics>::with<store_metrics>,
                     caf::replies_to<get_cost_report>::with<cost_report>,
                     caf::replies_to<get_cost_limit>::with<cost_limit_status>,
                     caf::replies_to<read_events>::with<event_page>>;

/// The HTTP CLIENT: makes outbound calls on a thread of its own.
using http_client_actor = caf::typed_actor<
  // `overloaded`: its queue is full and the request was not sent.
  caf::replies_to<http_request>::with<http_response>>;

/// The PROVIDER GATEWAY: speaks each provider's API. For scheduler and poller.
using provider_gateway_actor = caf::typed_actor<
  caf::replies_to<prepare_job>::with<job_prepared>,
  // Never an error: what is not known is `in_doubt`.
  caf::replies_to<submit_to_provider>::with<submission_outcome>,
  caf::replies_to<get_provider_job>::with<provider_job_found>,
  caf::replies_to<list_provider_jobs>::with<provider_job_page>,
  caf::replies_to<cancel_provider_job>::with<provider_job_cancelled>>;

/// The same for people and programs.
using provider_desk_actor = provider_gateway_actor::extend<
  caf::replies_to<get_providers>::with<provider_list>,
  caf::replies_to<get_provider_config>::with<provider_config_found>,
  caf::replies_to<validate_provider>::with<provider_validated>,
  caf::replies_to<get_breakers>::with<breaker_list>,
  caf::replies_to<read_webhook>::with<webhook_read>,
  caf::replies_to<send_test_webhook>::with<test_webhook_sent>,
  // Reads the settings of its providers again.
  caf::reacts_to<settings_changed>>;

/// The QUEUE SCHEDULER: decides which job runs next and carries it over to the
/// provider exactly once.
using queue_scheduler_actor = event_listener_actor::extend<
  caf::replies_to<get_queue_positions>::with<queue_positions>,
  // Asks the provider first if it has the job.
  caf::replies_to<cancel_job>::with<job_found>,
  caf::replies_to<explain_job>::with<job_explained>,
  caf::replies_to<process_queue>::with<queue_processed>,
  caf::replies_to<sync_provider_jobs>::with<provider_jobs_synced>,
  caf::replies_to<resolve_attempt>::with<job_found>,
  // INTERNAL: the safety net behind the hints.
  caf::reacts_to<tick>>;

/// The JOB POLLER: asks providers how the active jobs are.
using job_poller_actor
  = caf::typed_actor<caf::replies_to<refresh_polling>::with<polling_status>,
                     caf::replies_to<get_polling_status>::with<polling_status>,
                     caf::replies_to<poll_jobs>::with<jobs_polled>,
                     // INTERNAL: starts the next round.
                     caf::reacts_to<tick>>;

/// The APPROVAL EXPIRER: ends what waited for an approval too long.
using approval_expirer_actor = event_listener_actor::extend<
  caf::replies_to<expire_approvals>::with<approvals_swept>,
  // INTERNAL: a deadline, or the periodic sweep.
  caf::reacts_to<tick>>;

/// The SSE BROADCASTER: turns the event log into streams.
using sse_broadcaster_actor = event_listener_actor::extend<
  // Takes the socket over; answers nothing, the subscriber sees what happens.
  caf::reacts_to<open_stream>,
  // INTERNAL: heartbeats, stalled subscribers, lost hints.
  caf::reacts_to<tick>>;

/// The HTTP GATEWAY: REST for people and programs.
using http_gateway_actor = caf::typed_actor<
  // INTERNAL: from the server's thread; answered through the server.
  caf::reacts_to<http_call>>;

/// The SUPERVISOR: starts the workers, watches them and restarts them.
using supervisor_actor
  = caf::typed_actor<caf::replies_to<get_workers>::with<worker_list>,
                     caf::replies_to<control_worker>::with<worker_list>,
                     // INTERNAL: a backoff or a grace period is over.
                     caf::reacts_to<tick>>;

} // namespace tunerd
