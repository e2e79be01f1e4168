#include "actors/queue_scheduler/queue_scheduler.hpp"

#include "actors/queue_scheduler/backoff.hpp"
#include "actors/support/fault_point.hpp"

#include <algorithm>

// Claim, submit, record (DESIGN 5). Whatever happens between two of them, the
// store knows an open attempt, and nothing is submitted for it a second time
// before `doubts.cpp` has shown that the first request left nothing behind.

namespace tunerd {

namespace {

using namespace std::chrono_literals;

constexpr logger log{"simpletuner.cloud.queue"};

/// Nothing a provider asks for keeps it without a try for longer.
constexpr caf::timespan pause_max = 1h;

/// How long the store has to say again that it refuses a claim.
constexpr auto refused_pause = 1s;

/// @returns whether the gateway surely never saw the request.
bool is_unsent(const caf::error& err) {
  return err.category() == caf::atom("tunerd")
         && (code_of(err) == ec::worker_restarting
             || code_of(err) == ec::overloaded);
}

/// @returns whether it only has to wait: nobody must act.
bool must_wait(const submission_outcome& outcome) {
  return outcome.result == submission_result::not_accepted
         && outcome.retry_after > 0s;
}

submission_outcome outcome_of(const caf::error& err) {
  submission_outcome result;
  result.result = is_unsent(err) ? submission_result::not_accepted
                                 : submission_result::in_doubt;
  result.reason = render(err);
  return result;
}

/// Asks the provider how `subject` is: a webhook about it came before its
/// record, so what the submission answered is out of date. Should that fail,
/// the poller asks later.
void ask_how(queue_scheduler_state& state, const job& subject) {
  const auto ctx = context_of(subject);
  const auto fail = [id = subject.id](const caf::error& err) {
    log.debug("Failed to sync job {}: {}", id, render(err));
  };
  state.self->ask(
    state.providers, state.settings.call_timeout,
    get_provider_job{ctx, subject.provider, subject.external_id,
                     subject.hardware_profile},
    [&state, ctx, id = subject.id, fail](const provider_job_found& x) {
      state.self->ask(
        state.store, state.settings.store_timeout,
        apply_status{ctx, id, x.seen, change_source::webhook},
        [](const status_applied&) {}, fail); // Its event wakes us.
    },
    fail);
}

/// A person has to look: nobody tries again.
void lose_stray(const queue_scheduler_state::submission& x,
                const caf::error& err) {
  log.error("{} of job {} still runs at {}: {}", x.outcome->seen.external_id,
            x.job_id, x.provider, render(err));
}

std::string join(const std::vector<std::string>& words) {
  std::string result;
  for (const auto& x : words)
    result += (result.empty() ? "" : ", ") + x;
  return result;
}

} // namespace

// -- claim --------------------------------------------------------------------

void queue_scheduler_state::dispatch() {
  if (!claiming.empty() || stopping)
    return;
  if (self->clock().now() < claim_due)
    return wake_at(claim_due);
  set_rooms();
  const auto now = settings.world.now();
  claiming = queue.choose(now, claim_max);
  if (claiming.empty()) {
    if (log.enabled(log_level::debug))
      log.debug("No job ready: {}", queue.why_none());
    if (const auto due = queue.next_due())
      wake_at(self->clock().now() + std::max<caf::timespan>(*due - now, 1ms));
    return;
  }
  fault_point("dispatch.before_claim");
  const auto ctx = new_work();
  self->ask(
    store, settings.store_timeout, claim_jobs{ctx, claiming},
    [this, ctx](const jobs_claimed& x) { submit_claimed(ctx, x); },
    [this](const caf::error& err) { keep_unanswered(err); });
}

void queue_scheduler_state::set_rooms() {
  std::map<std::string, int64_t> under_way;
  for (const auto& [id, x] : in_flight)
    under_way[x.provider] += x.outcome ? 0 : 1;
  for (const auto& provider : lines) {
    const auto busy = under_way[provider];
    const auto stop = paused.find(provider);
    if (stop == paused.end()) {
      queue.set_room(provider, under_way_max - busy);
      continue;
    }
    const auto over = stop->second.until <= self->clock().now();
    queue.set_room(provider, over && busy == 0 ? 1 : 0);
    if (!over)
      wake_at(stop->second.until);
  }
}

void queue_scheduler_state::submit_claimed(const context& ctx,
                                           const jobs_claimed& answer) {
  fault_point("dispatch.after_claim");
  claim_failures = 0;
  auto without_slot = std::exchange(claiming, {});
  const auto round = ++last_round;
  if (!answer.claimed.empty())
    rounds[round] = {ctx, answer.claimed.size()};
  for (const auto& x : answer.claimed) {
    std::erase(without_slot, x.subject.id);
    for (auto& asker : processing)
      asker.job_ids.push_back(x.subject.id);
    submit(x, round);
  }
  for (const auto& job_id : without_slot) {
    const auto why = answer.refused.find(job_id);
    put_back(job_id, why == answer.refused.end() ? "not pending any more"
                                                 : why->second);
  }
  catch_up();
  dispatch();
  answer_process();
}

void queue_scheduler_state::put_back(const std::string& job_id,
                                     const std::string& reason) {
  mark_dirty(job_id);
  const auto found = queue.find(job_id);
  if (!found)
    return;
  const auto& entry = *found;
  const log_context scope{context{
    entry.correlation_id, {{"job_id", job_id}, {"provider", entry.provider}}}};
  log.debug("No job ready: {}", reason);
  settings.counts->claims_refused.add();
  queue.update(entry);
  // The store knows better than the index; do not ask in a circle.
  put_off[job_id] = settings.world.now() + refused_pause;
  queue.postpone(job_id, put_off[job_id]);
}

void queue_scheduler_state::keep_unanswered(const caf::error& err) {
  log.error("Error in queue processing: {}", render(err));
  claim_due = retry_at(claim_failures++);
  // In the index they hold their slots until they are read again.
  for (const auto& job_id : std::exchange(claiming, {}))
    mark_dirty(job_id);
  for (auto& asker : std::exchange(processing, {}))
    asker.promise.deliver(err);
  catch_up();
}

// -- submit -------------------------------------------------------------------

void queue_scheduler_state::submit(const claimed_job& claimed, uint64_t round) {
  const auto& subject = claimed.subject;
  const auto ctx = context_of(subject);
  const log_context scope{ctx};
  queue.update(entry_of(subject));
  lines.insert(subject.provider);
  holds.begin(subject.id, subject.provider, settings.world.now());
  in_flight[claimed.attempt_id] = {.ctx = ctx,
                                   .job_id = subject.id,
                                   .provider = subject.provider,
                                   .fingerprint = claimed.input.fingerprint,
                                   .attempts_used = subject.attempts_used,
                                   .round = round};
  log.info("Dispatching job {} to {}", subject.id, subject.provider);
  settings.counts->dispatches.add();
  fault_point("dispatch.before_submit");
  const auto id = claimed.attempt_id;
  self->ask(
    providers, settings.submit_timeout,
    submit_to_provider{ctx, subject.provider, subject.id, claimed.input},
    [this, id, job_id = subject.id](const submission_outcome& x) {
      answered[job_id] = id;
      submitted(id, x);
    },
    [this, id](const caf::error& err) { submitted(id, outcome_of(err)); });
}

void queue_scheduler_state::submitted(int64_t attempt_id,
                                      const submission_outcome& outcome) {
  fault_point("dispatch.after_submit");
  auto& x = in_flight.at(attempt_id);
  x.delay = delay_after(x, outcome);
  x.outcome = outcome;
  note_provider(x.provider, outcome);
  if (outcome.result == submission_result::accepted) {
    accepted_at[x.job_id] = settings.world.now();
  } else if (outcome.result == submission_result::in_doubt) {
    log.warning("Submission of job {} is in doubt: {}", x.job_id,
                outcome.reason);
    settings.counts->attempts_in_doubt.add();
  } else {
    if (must_wait(outcome))
      log.warning("Job {} is put off: {}", x.job_id, outcome.reason);
    else
      log.error("Failed to dispatch job {}: {}", x.job_id, outcome.reason);
    settings.counts->dispatch_failures.add();
  }
  record(attempt_id);
  dispatch();
}

caf::timespan
queue_scheduler_state::delay_after(const submission& x,
                                   const submission_outcome& outcome) {
  if (outcome.result == submission_result::accepted) {
    setbacks.erase(x.job_id);
    return 0s;
  }
  if (outcome.result == submission_result::unavailable)
    return 0s; // its provider waits, the job keeps its place
  const auto used = static_cast<uint32_t>(std::max(x.attempts_used, 0));
  const auto n = std::max(setbacks[x.job_id]++, used);
  return std::max(outcome.retry_after, backoff(n, settings.world.random()));
}

void queue_scheduler_state::note_provider(const std::string& provider,
                                          const submission_outcome& outcome) {
  if (outcome.result == submission_result::accepted
      || outcome.result == submission_result::refused) {
    if (paused.erase(provider) > 0)
      log.info("Provider {} takes jobs again", provider);
    return;
  }
  auto [i, fresh] = paused.try_emplace(provider);
  auto& stop = i->second;
  if (fresh && outcome.result == submission_result::in_doubt) {
    paused.erase(i); // the doubt itself holds a slot
    return;
  }
  if (fresh)
    log.warning("Provider {} takes no jobs: {}", provider, outcome.reason);
  if (stop.until > self->clock().now())
    return; // one of those that were under way when it began
  const auto asked = std::min(outcome.retry_after, pause_max);
  stop.until = std::max(retry_at(stop.failures++), self->clock().now() + asked);
}

// -- record -------------------------------------------------------------------

void queue_scheduler_state::conclude(const open_attempt& attempt,
                                     submission_outcome outcome) {
  in_flight[attempt.id] = {.ctx = context_of(attempt),
                           .job_id = attempt.job_id,
                           .provider = attempt.provider,
                           .fingerprint = attempt.fingerprint,
                           .outcome = std::move(outcome)};
  record(attempt.id);
}

void queue_scheduler_state::record(int64_t attempt_id) {
  auto& x = in_flight.at(attempt_id);
  const log_context scope{x.ctx};
  x.recording = true;
  fault_point("dispatch.before_record");
  self->ask(
    store, settings.store_timeout,
    record_submission{x.ctx, x.job_id, attempt_id, *x.outcome, x.delay},
    [this, attempt_id](const submission_recorded& answer) {
      recorded(attempt_id, answer);
    },
    [this, attempt_id](const caf::error& err) {
      retry_record(attempt_id, err);
    });
}

void queue_scheduler_state::recorded(int64_t attempt_id,
                                     const submission_recorded& answer) {
  fault_point("dispatch.after_record");
  const auto done = std::move(in_flight.extract(attempt_id).mapped());
  const auto result = done.outcome->result;
  const auto in_doubt = result == submission_result::in_doubt
                        || result == submission_result::unresolved;
  attempts.erase(done.job_id);
  written[done.job_id] = {attempt_id, !in_doubt};
  queue.update(entry_of(answer.subject));
  if (answer.subject.queue == queue_status::pending)
    holds.drop(done.job_id);
  if (result == submission_result::accepted)
    remember(done.provider, done.outcome->seen.external_id);
  if (answer.cancel_at_provider)
    stop_there(attempt_id, {.ctx = done.ctx,
                            .job_id = done.job_id,
                            .provider = done.provider,
                            .external_id = answer.subject.external_id});
  if (answer.poll_at_once)
    ask_how(*this, answer.subject);
  if (in_doubt)
    mark_dirty(done.job_id); // what the store made of the attempt
  const auto accepted = result == submission_result::accepted;
  leave_round(done.round, accepted ? done.job_id : std::string{});
  answer_resolution(attempt_id, answer.subject);
  catch_up();
  look();
}

void queue_scheduler_state::remember(const std::string& provider,
                                     const std::string& external_id) {
  auto& known = known_there[provider];
  known.push_back(external_id);
  if (known.size() > known_there_max)
    known.pop_front();
}

void queue_scheduler_state::retry_record(int64_t attempt_id,
                                         const caf::error& err) {
  auto& x = in_flight.at(attempt_id);
  x.recording = false;
  if (is_transient(err)) {
    if (x.record_failures == 0)
      log.warning("What came of job {} is not stored yet: {}", x.job_id,
                  render(err));
    x.due = retry_at(x.record_failures++);
    return record_due();
  }
  // It was recorded already and only the answer was lost, or the external id
  // belongs to another attempt: the store knows which.
  log.warning("What came of job {} was not stored: {}", x.job_id, render(err));
  if (x.outcome->result == submission_result::accepted) {
    refused[x.job_id].emplace(attempt_id, x.outcome->seen.external_id);
    // In a round it is our own request that has made it.
    if (x.round > 0 && !x.outcome->seen.external_id.empty())
      stop_stray(x);
  }
  attempts.erase(x.job_id);
  mark_dirty(x.job_id);
  leave_round(x.round, {});
  in_flight.erase(attempt_id);
  answer_resolution(attempt_id, err);
  catch_up();
}

void queue_scheduler_state::stop_stray(const submission& stray) {
  const auto is_it
    = [provider = stray.provider, id = stray.outcome->seen.external_id](
        const std::string& where, const std::string& other) {
        return where == provider && other == id;
      };
  self->ask(
    store, settings.store_timeout, list_active_jobs{stray.ctx},
    [this, stray, is_it](const job_list& active) {
      for (const auto& x : active.jobs)
        if (is_it(x.provider, x.external_id))
          return; // Another attempt's: it is followed.
      for (const auto& [id, x] : in_flight)
        if (x.outcome && is_it(x.provider, x.outcome->seen.external_id))
          return;
      cancel_stray(stray);
    },
    [stray](const caf::error& err) { lose_stray(stray, err); });
}

void queue_scheduler_state::cancel_stray(const submission& stray) {
  const auto& external_id = stray.outcome->seen.external_id;
  log.warning("Job {} reached {} twice, {} is cancelled there", stray.job_id,
              stray.provider, external_id);
  settings.counts->twins_found.add();
  self->ask(
    providers, settings.call_timeout,
    cancel_provider_job{stray.ctx, stray.provider, external_id},
    [](const provider_job_cancelled&) {},
    [stray](const caf::error& err) { lose_stray(stray, err); });
}

void queue_scheduler_state::record_due() {
  const auto now = self->clock().now();
  for (const auto& [attempt_id, x] : in_flight) {
    if (!x.outcome || x.recording)
      continue;
    if (x.due <= now)
      record(attempt_id);
    else
      wake_at(x.due);
  }
}

void queue_scheduler_state::leave_round(uint64_t round,
                                        const std::string& accepted_job) {
  const auto i = rounds.find(round);
  if (i == rounds.end())
    return;
  auto& [ctx, open, accepted] = i->second;
  if (!accepted_job.empty())
    accepted.push_back(accepted_job);
  if (--open > 0)
    return;
  const log_context scope{ctx};
  if (!accepted.empty())
    log.info("Dispatched {} jobs: {}", accepted.size(), join(accepted));
  rounds.erase(i);
}

} // namespace tunerd
