#pragma once

#include "actors/support/actor.hpp"
#include "messages/interfaces.hpp"

#include <utility>

namespace tunerd {

/// Who knows the log output of jobs.
struct log_source {
  store_actor store;
  caf::timespan store_timeout;
  provider_desk_actor providers;
  /// The provider is called.
  caf::timespan provider_timeout;
};

/// Asks the store, and the provider if that may know more. One of `then` and
/// `fail` is called, inside the scope of `query.ctx`. What keeps the provider
/// from answering costs only what it would have added.
/// @param self Asks; neither is called if it ends first.
/// @param then Takes a `job_logs_found`.
/// @param fail Takes the error of the store.
template <class Self, class Then, class Else>
void fetch_logs(Self* self, const log_source& from, const get_job_logs& query,
                Then then, Else fail) {
  self->ask(
    from.store, from.store_timeout, query,
    [=, ctx = query.ctx](const job_logs_found& found) {
      const auto& job = found.subject;
      if (found.is_final || job.external_id.empty())
        return then(found);
      // Every call about a job carries the job's own id, whoever asks.
      self->ask(
        from.providers, from.provider_timeout,
        get_provider_job{context_of(job), job.provider, job.external_id,
                         job.hardware_profile, true},
        [=](const provider_job_found& there) {
          log_context scope{ctx};
          auto merged = found;
          if (there.seen.logs.size() > merged.logs.size())
            merged.logs = there.seen.logs;
          then(merged);
        },
        [=](const caf::error&) {
          log_context scope{ctx};
          then(found);
        });
    },
    fail);
}

} // namespace tunerd
