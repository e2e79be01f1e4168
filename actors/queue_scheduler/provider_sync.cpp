#include "actors/queue_scheduler/queue_scheduler.hpp"

#include <algorithm>

// Jobs that a provider has and tunerd does not know. What tunerd may have
// started itself is settled first: imported, it would exist twice.

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.queue"};

/// The newest ones that are looked at.
constexpr size_t found_max = 100;

} // namespace

caf::result<provider_jobs_synced>
queue_scheduler_state::sync(const sync_provider_jobs& command) {
  const auto& provider = command.provider;
  if (!loaded)
    return make_error(ec::worker_restarting,
                      "the queue is not loaded; try again");
  if (is_unsettled(provider)) {
    const auto open = comparisons.find(provider);
    if (open != comparisons.end() && open->second.failures == 0)
      open->second.due = self->clock().now();
    look();
    return make_error(ec::conflict,
                      "attempts in doubt are being settled; try again");
  }
  if (!syncing.insert(provider).second)
    return make_error(ec::conflict, "a sync of " + provider + " is under way");
  auto promise = self->make_response_promise<provider_jobs_synced>();
  self->ask(
    providers, settings.call_timeout,
    list_provider_jobs{command.ctx, provider, timestamp{}, {}},
    [this, command, promise](const provider_job_page& x) {
      import_found(command, x, promise);
    },
    [this, command, promise](const caf::error& err) {
      end_sync(command, err, promise);
    });
  return promise;
}

bool queue_scheduler_state::is_unsettled(const std::string& provider) const {
  for (const auto& job_id : claiming)
    if (const auto x = queue.find(job_id); x && x->provider == provider)
      return true;
  for (const auto& [id, x] : in_flight)
    if (x.provider == provider)
      return true;
  for (const auto& [job_id, of_job] : attempts)
    for (const auto& x : of_job)
      if (x.provider == provider
          && (x.state == attempt_state::claimed
              || x.state == attempt_state::in_doubt))
        return true;
  return false;
}

void queue_scheduler_state::import_found(const sync_provider_jobs& command,
                                         provider_job_page page,
                                         sync_promise promise) {
  if (is_unsettled(command.provider)) {
    // The list may show what was submitted while it was made.
    end_sync(command,
             make_error(ec::conflict, "jobs were submitted meanwhile; "
                                      "try again"),
             promise);
    return;
  }
  if (page.jobs.size() > found_max)
    page.jobs.resize(found_max);
  take_twins(command.provider, page.jobs);
  self->ask(
    store, settings.store_timeout,
    import_jobs{command.ctx, command.who, command.provider,
                std::move(page.jobs)},
    [this, command, promise](const jobs_imported& x) {
      end_sync(command, static_cast<int64_t>(x.imported.size()), promise);
    },
    [this, command, promise](const caf::error& err) {
      end_sync(command, err, promise);
    });
}

void queue_scheduler_state::end_sync(const sync_provider_jobs& command,
                                     caf::expected<int64_t> discovered,
                                     sync_promise promise) {
  syncing.erase(command.provider);
  if (!discovered) {
    promise.deliver(discovered.error());
    return;
  }
  if (*discovered > 0)
    log.info("Discovered {} new jobs at {}", *discovered, command.provider);
  promise.deliver(provider_jobs_synced{command.ctx, *discovered});
}

} // namespace tunerd
