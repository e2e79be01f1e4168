#include "actors/store/commands.hpp"
#include "actors/store/queries.hpp"
#include "messages/error.hpp"

// INTERIM: what is still to be built. Each definition leaves when its real one
// comes; the file goes with the last.

namespace tunerd::sql {

namespace {
caf::error pending() {
  return make_error(ec::overloaded, "not built yet");
}
} // namespace

caf::expected<webhook_applied> run(transaction&, const apply_webhook&) {
  return pending();
}

caf::expected<jobs_imported> run(transaction&, const import_jobs&) {
  return pending();
}

caf::expected<job_found> run(transaction&, const cancel_queued_job&) {
  return pending();
}

caf::expected<priority_set> run(transaction&, const set_priority&) {
  return pending();
}

caf::expected<queue_cleaned> run(transaction&, const clean_queue&) {
  return pending();
}

caf::expected<settings_found> run(transaction&, const put_settings&) {
  return pending();
}

caf::expected<audit_appended> run(transaction&, const append_audit&) {
  return pending();
}

caf::expected<job_logs_found> look_up(const view&, const get_job_logs&) {
  return pending();
}

caf::expected<user_queue> look_up(const view&, const get_user_queue&) {
  return pending();
}

caf::expected<settings_found> look_up(const view&, const get_settings&) {
  return pending();
}

caf::expected<trace_found> look_up(const view&, const get_trace&) {
  return pending();
}

caf::expected<store_metrics> look_up(const view&, const get_store_metrics&) {
  return pending();
}

caf::expected<cost_report> look_up(const view&, const get_cost_report&) {
  return pending();
}

} // namespace tunerd::sql
