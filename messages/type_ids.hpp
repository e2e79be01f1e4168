#pragma once

#include "messages/approvals.hpp"
#include "messages/audit.hpp"
#include "messages/dispatch.hpp"
#include "messages/events.hpp"
#include "messages/http.hpp"
#include "messages/jobs.hpp"
#include "messages/limits.hpp"
#include "messages/logs.hpp"
#include "messages/metrics.hpp"
#include "messages/progress.hpp"
#include "messages/providers.hpp"
#include "messages/queue.hpp"
#include "messages/settings.hpp"
#include "messages/streams.hpp"
#include "messages/webhooks.hpp"
#include "messages/workers.hpp"

#include <caf/type_id.hpp>

// Every type that travels between actors, in one place. Append only: the
// number of a type is its position in this list.
CAF_BEGIN_TYPE_ID_BLOCK(tunerd, caf::first_custom_type_id)

  CAF_ADD_TYPE_ID(tunerd, (tunerd::submit_job))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::job_submitted))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_job))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::job_found))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::list_jobs))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::job_list))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::cancel_job))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::delete_job))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::prepare_job))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::job_prepared))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::submit_to_provider))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::submission_outcome))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_provider_job))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::provider_job_found))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::list_provider_jobs))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::provider_job_page))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::cancel_provider_job))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::provider_job_cancelled))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::set_limits))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_limits))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::limits_in_force))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::load_queue))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::reload_queue))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::queue_snapshot))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::claim_jobs))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::jobs_claimed))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::record_submission))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::submission_recorded))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::close_attempt))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::note_twin))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::end_watch))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::apply_status))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::status_applied))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::report_missing_job))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::end_job))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::list_active_jobs))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::list_queue))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::queue_page))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_queue_stats))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::queue_stats))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_queue_positions))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::queue_positions))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::events_appended))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::append_event))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::event_appended))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::read_events))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::event_page))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::open_stream))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::http_request))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::http_response))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::http_call))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::tick))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::incarnation))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_workers))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::worker_list))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::refresh_polling))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_polling_status))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::polling_status))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::write_log))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::reopen_log))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::http_done))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::create_rule))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::change_rule))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::delete_rule))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_rule))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::rule_found))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::list_rules))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::rule_list))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::decide_approval))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::approval_decided))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::extend_approval))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_approval))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::approval_found))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::list_approvals))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::approval_list))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::sweep_approvals))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::approvals_swept))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::expire_approvals))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_settings))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::put_settings))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::settings_found))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::settings_changed))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::append_audit))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::audit_appended))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_trace))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::trace_found))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_store_metrics))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::store_metrics))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_cost_report))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::cost_report))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_cost_limit))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::cost_limit_status))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::read_webhook))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::webhook_read))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::apply_webhook))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::webhook_applied))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::send_test_webhook))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::test_webhook_sent))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_job_logs))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::job_logs_found))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_providers))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::provider_list))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_provider_config))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::provider_config_found))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::validate_provider))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::provider_validated))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_breakers))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::breaker_list))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::cancel_queued_job))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::set_priority))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::priority_set))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_user_queue))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::user_queue))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::clean_queue))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::queue_cleaned))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::import_jobs))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::jobs_imported))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::process_queue))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::queue_processed))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::sync_provider_jobs))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::provider_jobs_synced))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::resolve_attempt))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::explain_job))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::job_explained))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::control_worker))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::poll_jobs))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::jobs_polled))

  CAF_ADD_TYPE_ID(tunerd, (tunerd::get_log_levels))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::change_log_level))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::log_levels))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::find_log_lines))
  CAF_ADD_TYPE_ID(tunerd, (tunerd::log_lines_found))

CAF_END_TYPE_ID_BLOCK(tunerd)
