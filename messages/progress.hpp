#pragma once

#include "messages/jobs.hpp"
#include "messages/providers.hpp"

#include <cstdint>
#include <string>
#include <vector>

// What becomes of a job that its provider has: who learned what, and when.

namespace tunerd {

/// Who saw a status first. Streamed by name.
enum class change_source : uint8_t { poll, webhook, api, scheduler, expiry };

std::string to_string(change_source source);

/// Command: apply what a provider says about a job (DESIGN 6): guarded,
/// idempotent; absent values overwrite nothing; a terminal job never changes
/// its status; `running` never goes back.
struct apply_status {
  context ctx;
  std::string job_id;
  provider_job seen;
  change_source source = change_source::poll;
};

/// Answer to `apply_status`.
struct status_applied {
  context ctx;
  job subject;
  /// Whether the stored status changed.
  bool changed = false;
};

/// Command: the provider answered 404. Three times over at least ten minutes
/// fail the job. Answered with `status_applied`.
struct report_missing_job {
  context ctx;
  std::string job_id;
};

/// Command to the store: end a job that has no external id, or mark that it
/// was ended by a person and must be cancelled there. Answered with
/// `job_found`; `conflict` if it is over.
struct end_job {
  context ctx;
  std::string job_id;
  /// `cancelled` or `failed`.
  job_status status = job_status::cancelled;
  std::string reason = {};
  /// Who wants it; empty user: nobody but us.
  caller who = {.user_id = {}};
};

/// Query: all active jobs with an external id, for the poller.
struct list_active_jobs {
  context ctx;
};

/// Command to the store: take over jobs that were found at a provider. What is
/// known, or younger than the oldest open claim there, is skipped. Active ones
/// hold slots from then on; they belong to `who`.
struct import_jobs {
  context ctx;
  caller who;
  std::string provider;
  std::vector<provider_job> found = {};
};

/// Answer to `import_jobs`: those that are new.
struct jobs_imported {
  context ctx;
  std::vector<job> imported = {};
};

/// Command to the scheduler: look for unknown jobs among the newest 100 of a
/// provider. Attempts in doubt there are settled first, or it is a `conflict`.
struct sync_provider_jobs {
  context ctx;
  caller who;
  std::string provider;
};

/// Answer to `sync_provider_jobs`.
struct provider_jobs_synced {
  context ctx;
  int64_t discovered = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, apply_status& x) {
  return f(caf::meta::type_name("apply_status"), x.ctx, x.job_id, x.seen,
           x.source);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, status_applied& x) {
  return f(caf::meta::type_name("status_applied"), x.ctx, x.subject, x.changed);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, report_missing_job& x) {
  return f(caf::meta::type_name("report_missing_job"), x.ctx, x.job_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, end_job& x) {
  return f(caf::meta::type_name("end_job"), x.ctx, x.job_id, x.status, x.reason,
           x.who);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_active_jobs& x) {
  return f(caf::meta::type_name("list_active_jobs"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, import_jobs& x) {
  return f(caf::meta::type_name("import_jobs"), x.ctx, x.who, x.provider,
           x.found);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, jobs_imported& x) {
  return f(caf::meta::type_name("jobs_imported"), x.ctx, x.imported);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, sync_provider_jobs& x) {
  return f(caf::meta::type_name("sync_provider_jobs"), x.ctx, x.who,
           x.provider);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_jobs_synced& x) {
  return f(caf::meta::type_name("provider_jobs_synced"), x.ctx, x.discovered);
}

} // namespace tunerd
