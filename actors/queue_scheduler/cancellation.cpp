#include "actors/queue_scheduler/queue_scheduler.hpp"

// Ending jobs: at once where the provider never had them, else there first.

namespace tunerd {

namespace {

using namespace std::chrono_literals;

constexpr logger log{"simpletuner.cloud.queue"};

caf::error already_over(const job& subject, job_status status) {
  return make_error(ec::conflict,
                    "job " + subject.id + " is " + to_string(status));
}

bool is_over(const provider_job& seen) {
  return seen.status && is_terminal(*seen.status);
}

/// @returns whether the provider would not cancel a job. It may be over there:
/// "too late" is an error too.
bool is_refusal(const caf::error& err) {
  return code_of(err) == ec::provider_error;
}

bool may_cancel(const caller& who, const job& subject) {
  if (who.level == caller_level::admin)
    return true;
  return who.level >= caller_level::researcher
         && who.user_id == subject.user_id;
}

} // namespace

// -- on behalf of a person ----------------------------------------------------

caf::result<job_found>
queue_scheduler_state::cancel(const cancel_job& command) {
  auto promise = self->make_response_promise<job_found>();
  self->ask(
    store, settings.store_timeout,
    get_job{command.ctx, command.who, command.job_id},
    [this, command, promise](const job_found& x) {
      cancel_found(command, x.subject, promise);
    },
    [promise](const caf::error& err) { job_promise{promise}.deliver(err); });
  return promise;
}

void queue_scheduler_state::cancel_found(const cancel_job& command,
                                         const job& subject,
                                         job_promise promise) {
  const log_context scope{context_of(subject)};
  if (!may_see(command.who, subject.user_id, subject.org_id)
      || !may_cancel(command.who, subject))
    promise.deliver(make_error(ec::permission_denied,
                               "job " + subject.id + " is another user's"));
  else if (is_terminal(subject.status))
    promise.deliver(already_over(subject, subject.status));
  else if (subject.external_id.empty())
    end_here(command, subject, promise);
  else
    cancel_there(command, subject, promise);
}

void queue_scheduler_state::end_here(const cancel_job& command,
                                     const job& subject, job_promise promise) {
  self->ask(
    store, settings.store_timeout,
    end_job{command.ctx, subject.id, job_status::cancelled, {}, command.who},
    [this, ctx = command.ctx, promise](const job_found& x) {
      mark_dirty(x.subject.id);
      catch_up();
      job_promise{promise}.deliver(job_found{ctx, x.subject});
    },
    [this, command, promise](const caf::error& err) {
      retry_there(command, err, promise);
    });
}

void queue_scheduler_state::retry_there(const cancel_job& command,
                                        const caf::error& err,
                                        job_promise promise) {
  if (code_of(err) != ec::conflict) {
    promise.deliver(err);
    return;
  }
  // Its submission may have been recorded in between.
  self->ask(
    store, settings.store_timeout,
    get_job{command.ctx, command.who, command.job_id},
    [this, command, err, promise](const job_found& x) {
      if (!is_terminal(x.subject.status) && !x.subject.external_id.empty())
        cancel_there(command, x.subject, promise);
      else
        job_promise{promise}.deliver(err);
    },
    [promise](const caf::error& later) {
      job_promise{promise}.deliver(later);
    });
}

void queue_scheduler_state::cancel_there(const cancel_job& command,
                                         const job& subject,
                                         job_promise promise) {
  self->ask(
    providers, settings.call_timeout,
    cancel_provider_job{context_of(subject), subject.provider,
                        subject.external_id},
    [this, command, subject, promise](const provider_job_cancelled& x) {
      apply_cancelled(command, subject, x.seen, promise);
    },
    [this, command, subject, promise](const caf::error& err) {
      if (code_of(err) == ec::no_such_provider_job && !is_young(subject))
        apply_cancelled(command, subject, {}, promise);
      else if (is_refusal(err))
        look_there(command, subject, err, promise);
      else
        job_promise{promise}.deliver(err);
    });
}

void queue_scheduler_state::look_there(const cancel_job& command,
                                       const job& subject,
                                       const caf::error& refusal,
                                       job_promise promise) {
  self->ask(
    providers, settings.call_timeout,
    get_provider_job{context_of(subject), subject.provider, subject.external_id,
                     subject.hardware_profile},
    [this, command, subject, refusal, promise](const provider_job_found& x) {
      if (is_over(x.seen))
        apply_cancelled(command, subject, x.seen, promise);
      else
        job_promise{promise}.deliver(refusal);
    },
    [refusal, promise](const caf::error&) {
      job_promise{promise}.deliver(refusal);
    });
}

void queue_scheduler_state::apply_cancelled(const cancel_job& command,
                                            const job& subject,
                                            provider_job seen,
                                            job_promise promise) {
  // It said yes, whatever it still calls the job, or that it is over.
  if (!is_over(seen))
    seen.status = job_status::cancelled;
  seen.external_id = subject.external_id;
  const auto found = *seen.status;
  self->ask(
    store, settings.store_timeout,
    apply_status{context_of(subject), subject.id, std::move(seen),
                 change_source::api},
    [this, command, found, promise](const status_applied& x) {
      mark_dirty(x.subject.id);
      catch_up();
      if (x.changed && found == job_status::cancelled)
        audit(command.ctx, command.who, "job.cancel", x.subject,
              "at " + x.subject.provider);
      if (found == job_status::cancelled)
        job_promise{promise}.deliver(job_found{command.ctx, x.subject});
      else
        job_promise{promise}.deliver(already_over(x.subject, found));
    },
    [promise](const caf::error& err) { job_promise{promise}.deliver(err); });
}

bool queue_scheduler_state::is_young(const job& subject) const {
  // What reached the provider before this incarnation did so before it began.
  const auto i = accepted_at.find(subject.id);
  const auto since = i == accepted_at.end() ? started : i->second;
  return settings.world.now() < since + window_of(subject.provider);
}

// -- on behalf of a job that was over before its submission was ---------------

void queue_scheduler_state::stop_there(int64_t attempt_id,
                                       cancellation subject) {
  subject.since = settings.world.now();
  if (cancellations.try_emplace(attempt_id, std::move(subject)).second)
    ask_to_stop(attempt_id);
}

void queue_scheduler_state::stop_due() {
  const auto now = self->clock().now();
  std::erase_if(cancellations, [this](const auto& x) {
    return !x.second.busy && attempts.count(x.second.job_id) == 0;
  });
  for (const auto& [attempt_id, x] : cancellations) {
    if (x.busy)
      continue;
    if (x.due <= now)
      ask_to_stop(attempt_id);
    else
      wake_at(x.due);
  }
}

void queue_scheduler_state::ask_to_stop(int64_t attempt_id) {
  auto& x = cancellations.at(attempt_id);
  x.busy = true;
  self->ask(
    providers, settings.call_timeout,
    cancel_provider_job{x.ctx, x.provider, x.external_id},
    [this, attempt_id](const provider_job_cancelled& answer) {
      if (cancellations.count(attempt_id) > 0)
        stopped_there(attempt_id, answer.seen);
    },
    [this, attempt_id](const caf::error& err) {
      if (cancellations.count(attempt_id) > 0)
        not_stopped(attempt_id, err);
    });
}

void queue_scheduler_state::not_stopped(int64_t attempt_id,
                                        const caf::error& err) {
  if (!is_refusal(err))
    return retry_stop(attempt_id, err);
  const auto& x = cancellations.at(attempt_id);
  self->ask(
    providers, settings.call_timeout,
    get_provider_job{x.ctx, x.provider, x.external_id},
    [this, attempt_id, err](const provider_job_found& found) {
      if (cancellations.count(attempt_id) == 0)
        return;
      if (is_over(found.seen))
        close(attempt_id);
      else
        retry_stop(attempt_id, err);
    },
    [this, attempt_id](const caf::error& later) {
      if (cancellations.count(attempt_id) > 0)
        retry_stop(attempt_id, later);
    });
}

void queue_scheduler_state::stopped_there(int64_t attempt_id,
                                          const provider_job& seen) {
  // As long as it runs it costs money, and its slot stays held.
  if (!seen.status || is_terminal(*seen.status))
    return close(attempt_id);
  auto& x = cancellations.at(attempt_id);
  x.busy = false;
  x.due = retry_at(x.failures++);
  wake_at(x.due);
}

void queue_scheduler_state::close(int64_t attempt_id) {
  const auto& x = cancellations.at(attempt_id);
  if (x.is_twin)
    return end_watch_of(x.ctx, x.job_id, attempt_id);
  self->ask(
    store, settings.store_timeout, close_attempt{x.ctx, x.job_id, attempt_id},
    [this, attempt_id](const job_found& answer) {
      cancellations.erase(attempt_id);
      attempts.erase(answer.subject.id);
      queue.update(entry_of(answer.subject));
      look();
    },
    [this, attempt_id](const caf::error& err) { retry_stop(attempt_id, err); });
}

void queue_scheduler_state::retry_stop(int64_t attempt_id,
                                       const caf::error& err) {
  auto& x = cancellations.at(attempt_id);
  const auto old = x.since + window_of(x.provider) <= settings.world.now();
  if (code_of(err) == ec::no_such_provider_job && old)
    return close(attempt_id);
  if (x.failures == 0)
    log.warning("{} of job {} still runs at {}: {}", x.external_id, x.job_id,
                x.provider, render(err));
  x.busy = false;
  x.due = retry_at(x.failures++);
  wake_at(x.due);
}

} // namespace tunerd
