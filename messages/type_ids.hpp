#pragma once

#include "messages/events.hpp"
#include "messages/http.hpp"
#include "messages/jobs.hpp"
#include "messages/logs.hpp"
#include "messages/providers.hpp"
#include "messages/queue.hpp"
#include "messages/streams.hpp"
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

CAF_END_TYPE_ID_BLOCK(tunerd)
