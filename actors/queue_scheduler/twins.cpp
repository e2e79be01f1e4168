#include "actors/queue_scheduler/queue_scheduler.hpp"

#include <algorithm>

// Requests that arrive after all (DESIGN 5.6). A POST cannot be fenced: one
// that a listing has shown to be missing may have been delayed on its way for
// longer than the visibility window, and its job was submitted again. So the
// lists are read for a while longer. What turns up is the one that no job here
// follows, so that one is cancelled, whichever of the two is younger.

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.queue"};

} // namespace

doubt queue_scheduler_state::watch_of(const open_attempt& attempt) const {
  return {attempt,
          *attempt.watched_since + watch_for - window_of(attempt.provider)};
}

void queue_scheduler_state::act_on_watched(const finding& found) {
  const auto& attempt = found.subject.attempt;
  if (noting.count(attempt.id) > 0)
    return;
  if (found.decision == verdict::adopt && !may_be_anothers(attempt))
    return note_twin_of(attempt, found.seen.external_id);
  const auto is_over = found.decision == verdict::resubmit
                       || found.decision == verdict::unresolved;
  const auto is_hopeless
    = *attempt.watched_since + watch_max <= settings.world.now();
  if (!is_over && !is_hopeless)
    return;
  if (found.decision != verdict::resubmit)
    log.warning("Nobody can tell whether {} has another request of job {}",
                attempt.provider, attempt.job_id);
  end_watch_of(context_of(attempt), attempt.job_id, attempt.id);
}

bool queue_scheduler_state::may_be_anothers(const open_attempt& attempt) const {
  const auto is_like = [&](const open_attempt& x) {
    return !x.watched_since && x.external_id.empty()
           && x.fingerprint == attempt.fingerprint;
  };
  // Nor is an attempt there whose job is read again because the provider's job
  // that it wanted to adopt was another's. The next one may be its own.
  const auto is_unread = [&](const auto& x) {
    return attempts.count(x.first) == 0
           && (reading || dirty.count(x.first) > 0);
  };
  if (std::any_of(refused.begin(), refused.end(), is_unread))
    return true;
  // What was just written down as in doubt is in `attempts` a moment later.
  return std::any_of(written.begin(), written.end(),
                     [](const auto& x) { return !x.second.is_closed; })
         || std::any_of(in_flight.begin(), in_flight.end(),
                        [&](const auto& x) {
                          return x.second.fingerprint == attempt.fingerprint;
                        })
         || std::any_of(attempts.begin(), attempts.end(), [&](const auto& x) {
              return std::any_of(x.second.begin(), x.second.end(), is_like);
            });
}

void queue_scheduler_state::note_twin_of(const open_attempt& attempt,
                                         const std::string& external_id) {
  const auto ctx = context_of(attempt);
  noting.insert(attempt.id);
  self->ask(
    store, settings.store_timeout,
    note_twin{ctx, attempt.job_id, attempt.id, external_id},
    [this, attempt, external_id](const job_found&) {
      noting.erase(attempt.id);
      log.warning("Job {} reached {} twice, {} is cancelled there",
                  attempt.job_id, attempt.provider, external_id);
      settings.counts->twins_found.add();
      if (const auto i = attempts.find(attempt.job_id); i != attempts.end())
        for (auto& x : i->second)
          if (x.id == attempt.id)
            x.external_id = external_id;
      mark_dirty(attempt.job_id);
      look();
      catch_up();
    },
    [this, attempt, external_id](const caf::error& err) {
      noting.erase(attempt.id);
      // Another attempt's; anything else is tried again with the next listing.
      if (code_of(err) == ec::conflict)
        refused[attempt.job_id].emplace(attempt.id, external_id);
      else
        log.warning("A twin of job {} was not stored: {}", attempt.job_id,
                    render(err));
    });
}

void queue_scheduler_state::stop_twin(const open_attempt& attempt) {
  stop_there(attempt.id, {.ctx = context_of(attempt),
                          .job_id = attempt.job_id,
                          .provider = attempt.provider,
                          .external_id = attempt.external_id,
                          .is_twin = true});
}

void queue_scheduler_state::end_watch_of(const context& ctx,
                                         const std::string& job_id,
                                         int64_t attempt_id) {
  self->ask(
    store, settings.store_timeout, end_watch{ctx, job_id, attempt_id},
    [this, job_id, attempt_id](const job_found&) {
      cancellations.erase(attempt_id);
      if (const auto i = attempts.find(job_id); i != attempts.end())
        std::erase_if(i->second,
                      [&](const auto& x) { return x.id == attempt_id; });
      mark_dirty(job_id);
      catch_up();
    },
    [this, attempt_id](const caf::error& err) {
      if (cancellations.count(attempt_id) > 0)
        retry_stop(attempt_id, err); // else with the next listing
    });
}

void queue_scheduler_state::take_twins(const std::string& provider,
                                       std::vector<provider_job>& found) {
  std::vector<doubt> watched;
  for (const auto& [job_id, of_job] : attempts)
    for (const auto& x : of_job)
      if (x.provider == provider && is_watched(x))
        watched.push_back(watch_of(x));
  if (watched.empty())
    return;
  provider_listing listing{settings.world.now(), std::move(watched)};
  listing.add(found);
  evidence known;
  const auto& ours = known_there[provider];
  known.adopted.insert(ours.begin(), ours.end());
  for (const auto& x : listing.judge(known))
    act_on(x);
  std::erase_if(found, [&](const provider_job& x) {
    return listing.concerns(x.external_id);
  });
}

} // namespace tunerd
