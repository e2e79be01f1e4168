#include "actors/queue_scheduler/queue_scheduler.hpp"

#include <algorithm>
#include <utility>

// Attempts that nobody is submitting any more. One listing of a provider's
// jobs serves all its attempts in doubt; `reconcile.hpp` decides.

namespace tunerd {

namespace {

using namespace std::chrono_literals;

constexpr logger log{"simpletuner.cloud.queue"};

submission_outcome outcome(submission_result result, std::string reason) {
  submission_outcome x;
  x.result = result;
  x.reason = std::move(reason);
  return x;
}

} // namespace

void queue_scheduler_state::mind_attempts() {
  // A copy: `mind` may conclude an attempt, and that changes the container.
  std::vector<open_attempt> open;
  for (const auto& [job_id, of_job] : attempts)
    for (const auto& x : of_job)
      if (x.state == attempt_state::claimed
          || x.state == attempt_state::accepted || is_twin(x))
        open.push_back(x);
  for (const auto& x : open)
    mind(x);
}

void queue_scheduler_state::mind(const open_attempt& attempt) {
  if (is_twin(attempt))
    return stop_twin(attempt);
  // Its answer may come after the hint.
  const auto claiming_it
    = std::find(claiming.begin(), claiming.end(), attempt.job_id)
      != claiming.end();
  if (in_flight.count(attempt.id) > 0 || claiming_it)
    return;
  const log_context scope{context_of(attempt)};
  if (attempt.state == attempt_state::accepted)
    return stop_there(attempt.id, {.ctx = context_of(attempt),
                                   .job_id = attempt.job_id,
                                   .provider = attempt.provider,
                                   .external_id = attempt.external_id});
  log.warning("Submission of job {} is in doubt: {}", attempt.job_id,
              "nobody waits for its answer");
  settings.counts->attempts_in_doubt.add();
  conclude(attempt, outcome(submission_result::in_doubt,
                            "nobody waited for the answer"));
}

doubt queue_scheduler_state::doubt_about(const open_attempt& attempt) const {
  auto settled = attempt.doubt_since;
  const auto i = answered.find(attempt.job_id);
  const auto is_answered = i != answered.end() && i->second == attempt.id;
  if (is_answered)
    return {attempt, settled};
  // An earlier incarnation may have left the request with the gateway, which
  // sends it within these two times or never, and not after its process.
  auto last
    = attempt.claimed_at + settings.store_timeout + settings.submit_timeout;
  if (attempt.claimed_at < settings.process_started)
    last = std::min(last, settings.process_started);
  return {attempt, std::max(settled, last)};
}

void queue_scheduler_state::compare_due() {
  std::map<std::string, std::vector<doubt>> doubts;
  std::set<std::string> urgent;
  for (const auto& [job_id, of_job] : attempts)
    for (const auto& x : of_job)
      if (x.state == attempt_state::in_doubt && in_flight.count(x.id) == 0) {
        doubts[x.provider].push_back(doubt_about(x));
        urgent.insert(x.provider);
      } else if (is_watched(x)) {
        doubts[x.provider].push_back(watch_of(x));
      }
  std::erase_if(comparisons, [&](const auto& x) {
    return !x.second.listing && doubts.count(x.first) == 0;
  });
  for (auto& [provider, open] : doubts) {
    auto& x = comparisons[provider];
    if (x.listing)
      continue;
    const auto is_watch = urgent.count(provider) == 0;
    const auto waited = !std::exchange(x.is_watch, is_watch) || is_watch;
    if (x.due <= self->clock().now() || !waited)
      begin_listing(provider, std::move(open));
    else
      wake_at(x.due);
  }
}

void queue_scheduler_state::begin_listing(const std::string& provider,
                                          std::vector<doubt> doubts) {
  auto& x = comparisons.at(provider);
  x.ctx = doubts.size() == 1 ? context_of(doubts.front().attempt) : new_work();
  x.listing = provider_listing{settings.world.now(), std::move(doubts)};
  x.pages = 0;
  ask_page(provider, {});
}

void queue_scheduler_state::ask_page(const std::string& provider,
                                     const std::string& page_cursor) {
  const auto& x = comparisons.at(provider);
  self->ask(
    providers, settings.call_timeout,
    list_provider_jobs{x.ctx, provider, x.listing->created_after(),
                       page_cursor},
    [this, provider](const provider_job_page& page) {
      take_page(provider, page);
    },
    [this, provider](const caf::error& err) { miss_page(provider, err); });
}

void queue_scheduler_state::miss_page(const std::string& provider,
                                      const caf::error& err) {
  if (code_of(err) != ec::not_found)
    return retry_listing(provider, err);
  // Its list cannot show all jobs, neither now nor later.
  comparisons.at(provider).listing->give_up();
  ask_adopted(provider);
}

void queue_scheduler_state::take_page(const std::string& provider,
                                      const provider_job_page& page) {
  auto& x = comparisons.at(provider);
  const auto too_old = x.listing->add(page.jobs);
  if (page.next.empty() || too_old)
    x.listing->complete();
  else if (++x.pages < pages_max)
    return ask_page(provider, page.next);
  else
    log.warning("The list of jobs of {} does not end", provider);
  ask_adopted(provider);
}

void queue_scheduler_state::ask_adopted(const std::string& provider) {
  self->ask(
    store, settings.store_timeout,
    list_active_jobs{comparisons.at(provider).ctx},
    [this, provider](const job_list& x) { judge(provider, x); },
    [this, provider](const caf::error& err) { retry_listing(provider, err); });
}

void queue_scheduler_state::judge(const std::string& provider,
                                  const job_list& active) {
  auto& x = comparisons.at(provider);
  evidence known{.visibility_window = window_of(provider)};
  for (const auto& [job_id, pairs] : refused)
    known.refused.insert(pairs.begin(), pairs.end());
  for (const auto& other : active.jobs)
    if (other.provider == provider)
      known.adopted.insert(other.external_id);
  const auto& ours = known_there[provider];
  known.adopted.insert(ours.begin(), ours.end());
  for (const auto& [id, other] : in_flight) {
    if (other.outcome)
      known.adopted.insert(other.outcome->seen.external_id);
    known.under_way.insert(other.fingerprint);
    if (!other.outcome && other.provider == provider)
      known.has_strangers = true;
  }
  const auto findings = x.listing->judge(known);
  x.listing = caf::none;
  x.failures = 0;
  auto wait = x.is_watch ? caf::timespan{watch_interval}
                         : caf::timespan{settings.queue.interval};
  for (const auto& found : findings) {
    const auto decidable
      = found.subject.settled + known.visibility_window - settings.world.now();
    if (found.decision == verdict::wait && decidable > 0s)
      wait = std::min<caf::timespan>(wait, decidable);
  }
  x.due = self->clock().now() + wait;
  for (const auto& found : findings)
    act_on(found);
  look();
}

void queue_scheduler_state::act_on(const finding& found) {
  const auto& attempt = found.subject.attempt;
  const auto& job_id = attempt.job_id;
  // It may be settled meanwhile, by a webhook or by a person.
  if (!is_current(attempt))
    return;
  const log_context scope{context_of(attempt)};
  if (is_watched(attempt))
    return act_on_watched(found);
  if (found.decision == verdict::wait)
    return;
  if (found.decision == verdict::adopt) {
    log.info("Job {} already submitted to provider (status: {}), updating "
             "queue",
             job_id, found.seen.raw_status);
    auto adopted = outcome(submission_result::accepted, {});
    adopted.seen = found.seen;
    conclude(attempt, std::move(adopted));
  } else if (found.decision == verdict::resubmit) {
    log.warning("Job {} did not reach {}, it is submitted again", job_id,
                attempt.provider);
    conclude(attempt, outcome(submission_result::not_accepted,
                              "it did not reach the provider"));
  } else {
    log.warning("Nobody can tell whether {} has job {}: a person must resolve "
                "it",
                attempt.provider, job_id);
    settings.counts->attempts_unresolved.add();
    conclude(attempt, outcome(submission_result::unresolved,
                              "the provider's list cannot decide it"));
  }
}

bool queue_scheduler_state::is_current(const open_attempt& x) const {
  const auto of_job = attempts.find(x.job_id);
  return of_job != attempts.end() && in_flight.count(x.id) == 0
         && std::any_of(of_job->second.begin(), of_job->second.end(),
                        [&](const open_attempt& y) {
                          return y.id == x.id && y.state == x.state
                                 && y.external_id == x.external_id;
                        });
}

void queue_scheduler_state::retry_listing(const std::string& provider,
                                          const caf::error& err) {
  auto& x = comparisons.at(provider);
  if (x.failures == 0)
    log.warning("Failed to compare attempts in doubt with {}: {}", provider,
                render(err));
  x.listing = caf::none;
  x.due
    = std::max(retry_at(x.failures++), self->clock().now() + caf::timespan{1s});
  wake_at(x.due);
}

caf::timespan
queue_scheduler_state::window_of(const std::string& provider) const {
  const auto i = settings.visibility_windows.find(provider);
  return i == settings.visibility_windows.end() ? caf::timespan{30s}
                                                : i->second;
}

} // namespace tunerd
