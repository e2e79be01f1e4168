#include "actors/queue_scheduler/queue_scheduler.hpp"

#include <algorithm>

// Attempts that no listing can decide: a person does. What was decided is
// written down like any other outcome, and kept until the store has it.

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.queue"};

std::string name_of(attempt_decision decision) {
  switch (decision) {
    case attempt_decision::adopt: return "adopt";
    case attempt_decision::resubmit: return "resubmit";
    default: return "fail";
  }
}

/// @returns that nothing was accepted, whoever says so.
submission_outcome none_accepted(const resolve_attempt& command) {
  submission_outcome result;
  result.result = submission_result::not_accepted;
  result.reason = "resolved by " + command.who.user_id;
  return result;
}

/// @returns the unresolved attempt of `job_id`, or null.
const open_attempt* find_unresolved(const queue_snapshot& snapshot,
                                    const std::string& job_id) {
  const auto& all = snapshot.attempts;
  const auto i
    = std::find_if(all.begin(), all.end(), [&](const open_attempt& x) {
        return x.job_id == job_id && x.state == attempt_state::unresolved;
      });
  return i == all.end() ? nullptr : &*i;
}

} // namespace

caf::result<job_found>
queue_scheduler_state::resolve(const resolve_attempt& command) {
  if (command.who.level != caller_level::admin)
    return make_error(ec::permission_denied, "only admins resolve attempts");
  if (command.decision == attempt_decision::adopt
      && command.external_id.empty())
    return make_error(ec::validation_error, "external_id: needed to adopt");
  auto promise = self->make_response_promise<job_found>();
  self->ask(
    store, settings.store_timeout,
    get_job{command.ctx, command.who, command.job_id},
    [this, command, promise](const job_found& x) {
      resolve_found(command, x.subject, promise);
    },
    [promise](const caf::error& err) { job_promise{promise}.deliver(err); });
  return promise;
}

void queue_scheduler_state::resolve_found(const resolve_attempt& command,
                                          const job& subject,
                                          job_promise promise) {
  // Of the store: the index may not have heard of the attempt yet.
  self->ask(
    store, settings.store_timeout, reload_queue{command.ctx, {subject.id}},
    [this, command, subject, promise](const queue_snapshot& x) {
      if (const auto* attempt = find_unresolved(x, subject.id))
        resolve_open(command, subject, *attempt, promise);
      else
        job_promise{promise}.deliver(make_error(
          ec::conflict, "job " + subject.id + " has no unresolved attempt"));
    },
    [promise](const caf::error& err) { job_promise{promise}.deliver(err); });
}

void queue_scheduler_state::resolve_open(const resolve_attempt& command,
                                         const job& subject,
                                         const open_attempt& attempt,
                                         job_promise promise) {
  if (command.decision == attempt_decision::adopt)
    adopt(command, subject, attempt, promise);
  else if (command.decision == attempt_decision::fail && !attempt.job_over)
    fail(command, attempt, promise);
  else if (command.decision == attempt_decision::fail)
    settle(command, attempt, none_accepted(command), promise);
  else if (attempt.job_over)
    promise.deliver(make_error(ec::conflict, "job " + subject.id
                                               + " is over: adopt or fail"));
  else
    settle(command, attempt, none_accepted(command), promise);
}

void queue_scheduler_state::adopt(const resolve_attempt& command,
                                  const job& subject,
                                  const open_attempt& attempt,
                                  job_promise promise) {
  self->ask(
    providers, settings.call_timeout,
    get_provider_job{context_of(subject), subject.provider, command.external_id,
                     subject.hardware_profile},
    [this, command, attempt, promise](const provider_job_found& x) {
      submission_outcome adopted;
      adopted.result = submission_result::accepted;
      adopted.seen = x.seen;
      adopted.seen.external_id = command.external_id;
      settle(command, attempt, std::move(adopted), promise);
    },
    [command, promise](const caf::error& err) {
      const auto unknown = code_of(err) == ec::no_such_provider_job;
      job_promise{promise}.deliver(
        unknown ? make_error(ec::conflict,
                             "the provider knows no job " + command.external_id)
                : err);
    });
}

// The job ends first: whatever happens then, it is not submitted again, and
// its attempt can still be resolved.
void queue_scheduler_state::fail(const resolve_attempt& command,
                                 const open_attempt& attempt,
                                 job_promise promise) {
  self->ask(
    store, settings.store_timeout,
    end_job{command.ctx, attempt.job_id, job_status::failed,
            "Resolved by " + command.who.user_id + ": failed", command.who},
    [this, command, attempt, promise](const job_found&) {
      settle(command, attempt, none_accepted(command), promise);
    },
    [promise](const caf::error& err) { job_promise{promise}.deliver(err); });
}

void queue_scheduler_state::settle(const resolve_attempt& command,
                                   const open_attempt& attempt,
                                   submission_outcome outcome,
                                   job_promise promise) {
  if (in_flight.count(attempt.id) > 0) {
    promise.deliver(make_error(ec::conflict, "the attempt of job "
                                               + attempt.job_id
                                               + " is being settled already"));
    return;
  }
  const log_context scope{context_of(attempt)};
  log.info("Attempt of job {} resolved by {}: {}", attempt.job_id,
           command.who.user_id, name_of(command.decision));
  resolutions[attempt.id] = {promise, command};
  conclude(attempt, std::move(outcome));
}

void queue_scheduler_state::answer_resolution(
  int64_t attempt_id, const caf::expected<job>& settled) {
  auto node = resolutions.extract(attempt_id);
  if (node.empty())
    return;
  auto& [promise, command] = node.mapped();
  if (!settled) {
    promise.deliver(settled.error());
    return;
  }
  audit(command.ctx, command.who, "job.resolve", *settled,
        name_of(command.decision) + " " + command.external_id);
  promise.deliver(job_found{command.ctx, *settled});
}

void queue_scheduler_state::audit(const context& ctx, const caller& who,
                                  std::string action, const job& subject,
                                  std::string details) {
  const audit_entry entry{.user_id = who.user_id,
                          .token = who.token,
                          .action = std::move(action),
                          .subject = subject.id,
                          .org_id = subject.org_id,
                          .details = std::move(details),
                          .correlation_id = ctx.correlation_id};
  self->ask(
    store, settings.store_timeout, append_audit{ctx, entry},
    [](const audit_appended&) {},
    [job_id = subject.id](const caf::error& err) {
      log.warning("What was done to job {} is not in the audit log: {}", job_id,
                  render(err));
    });
}

} // namespace tunerd
