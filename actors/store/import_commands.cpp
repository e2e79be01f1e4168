#include "actors/store/attempt_table.hpp"
#include "actors/store/commands.hpp"
#include "actors/store/event_data.hpp"
#include "actors/store/job_table.hpp"
#include "actors/store/log_table.hpp"
#include "actors/store/refusals.hpp"
#include "actors/support/log.hpp"
#include "messages/fingerprint.hpp"

#include <algorithm>

// Jobs that were found at a provider and that nobody submitted here.

namespace tunerd::sql {

namespace {

constexpr logger log{"simpletuner.cloud.jobs"};

constexpr size_t found_max = 1'000;
constexpr size_t id_size_max = 256;
constexpr size_t job_id_size = 16;

/// @returns the same id whenever it is imported: the store rolls no dice.
std::string id_of(const std::string& provider, const std::string& external_id) {
  return sha256_hex(provider + "\n" + external_id).substr(0, job_id_size);
}

/// How far a provider's clock may be behind ours; as in the reconciliation.
constexpr auto clocks_differ_max = std::chrono::minutes{5};

/// @returns whether `x` may belong to a submission whose answer is still out.
bool may_be_ours(const provider_job& x,
                 const caf::optional<timestamp>& oldest_claim) {
  return oldest_claim
         && (!x.created_at
             || *x.created_at >= *oldest_claim - clocks_differ_max);
}

/// @returns whether retention would remove `x` at once, or has done so before.
bool is_too_old(const provider_job& x, const transaction& tx) {
  using std::chrono::days;
  const auto kept = tx.retention.job_days;
  return kept > 0 && x.status && is_terminal(*x.status)
         && (x.completed_at ? *x.completed_at : x.created_at.value_or(tx.now))
              < tx.now - days{kept};
}

/// @returns `x` as a job of `who`. @pre x.status
job as_imported(const provider_job& x, const import_jobs& command,
                timestamp now) {
  job result{.id = id_of(command.provider, x.external_id)};
  result.provider = command.provider;
  result.external_id = x.external_id;
  // Whatever it calls it, the provider has it.
  result.status = std::max(*x.status, job_status::queued);
  result.user_id = command.who.user_id;
  result.org_id = command.who.org_id;
  result.team_id = command.who.team_id;
  result.created_at = x.created_at ? *x.created_at : now;
  result.queued_at = result.created_at;
  result.started_at = x.started_at;
  result.cost_micros = x.cost_micros;
  result.output_url = x.output_url;
  result.error_message = x.error_message;
  result.metadata = R"({"imported": true})";
  result.correlation_id = command.ctx.correlation_id;
  result.queue = queue_status::running;
  if (is_terminal(result.status)) {
    result.queue = closed_as(result.status);
    result.completed_at = x.completed_at ? *x.completed_at : now;
  }
  return result;
}

void take_over(transaction& tx, const import_jobs& command,
               const provider_job& seen, job& x) {
  x.row = job_table{tx.db}.insert(x);
  // Without it an attempt in doubt could adopt the same external id.
  attempt_table{tx.db}.adopt(x, tx.now);
  if (is_terminal(x.status))
    log_table{tx.db}.store(x.id, seen.logs);
  tx.append(status_event(x, caf::none, change_source::api, tx.now));
  tx.audit(command.ctx, command.who, "job.import", x.id, x.org_id,
           x.provider + " " + x.external_id);
  tx.told.lines.push_back([ctx = context_of(x), x] {
    log_context scope{ctx};
    log.info("Imported job {} from {} (status: {})", x.id, x.provider,
             to_string(x.status));
  });
}

} // namespace

caf::expected<jobs_imported> run(transaction& tx, const import_jobs& command) {
  if (command.who.level < caller_level::lead)
    return make_error(ec::permission_denied, "jobs are imported by leads");
  if (command.provider.empty())
    return invalid("provider must not be empty");
  if (command.found.size() > found_max)
    return invalid("found: want at most 1000 jobs");
  attempt_table attempts{tx.db};
  job_table jobs{tx.db};
  const auto oldest_claim = attempts.oldest_claim(command.provider);
  jobs_imported result{command.ctx};
  for (const auto& seen : command.found) {
    if (seen.external_id.empty() || seen.external_id.size() > id_size_max
        || attempts.is_taken(command.provider, seen.external_id, {})
        || may_be_ours(seen, oldest_claim) || is_too_old(seen, tx))
      continue;
    if (!seen.status) {
      log.warning("Not importing {} from {}: unknown status '{}'",
                  seen.external_id, command.provider, seen.raw_status);
      continue;
    }
    auto x = as_imported(seen, command, tx.now);
    if (jobs.find(x.id))
      continue;
    take_over(tx, command, seen, x);
    result.imported.push_back(std::move(x));
  }
  return result;
}

} // namespace tunerd::sql
