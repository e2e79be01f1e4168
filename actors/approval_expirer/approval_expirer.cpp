#include "actors/approval_expirer/approval_expirer.hpp"

#include "actors/support/fault_point.hpp"

#include <algorithm>
#include <utility>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.approvals"};

/// Requests per transaction. A larger one is slower for each: SQLite walks
/// through what a savepoint has copied so far whenever a job ends. A smaller
/// one waits for the disk more often.
constexpr int32_t batch_max = 100;

/// Callers that may wait for the next sweep at once. One more is refused.
constexpr size_t callers_max = 100;

int64_t in_milliseconds(caf::timespan span) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
}

} // namespace

void approval_expirer_state::hear(const events_appended&) {
  schedule.hint();
  arm();
}

caf::result<approvals_swept>
approval_expirer_state::expire(const expire_approvals& command) {
  if (waiting.size() >= callers_max)
    return make_error(ec::overloaded, "too many wait for a sweep");
  auto promise = self->make_response_promise<approvals_swept>();
  waiting.push_back({command.ctx, promise});
  go_on();
  return promise;
}

void approval_expirer_state::on_tick(const tick& t) {
  if (t.generation != generation)
    return;
  armed.reset();
  if (current)
    return; // Its end sets the timer again.
  if (schedule.next() <= self->clock().now())
    begin_sweep();
  else
    arm();
}

void approval_expirer_state::stop(caf::error why) {
  const auto gone = make_error(ec::worker_restarting, "the expirer has ended");
  for (auto& x : waiting)
    x.promise.deliver(gone);
  if (current)
    for (auto& x : current->callers)
      x.promise.deliver(gone);
  log.info("Approval expiration loop stopped");
  self->quit(std::move(why));
}

// -- steps of a sweep ---------------------------------------------------------

void approval_expirer_state::start() {
  log_context scope{context{new_correlation_id(settings.out.random)}};
  const auto seconds = settings.approvals.get()->interval.count();
  log.info("Approval expiration task started (interval={}s)", seconds);
  log.info("Approval expiration loop started (interval: {}s)", seconds);
  schedule = sweep_schedule{self->clock().now()};
  begin_sweep();
}

void approval_expirer_state::begin_sweep() {
  fault_point("approval_expirer.sweep");
  schedule.begun(self->clock().now(), settings.approvals.get()->interval);
  settings.counts->approval_sweeps.add();
  current
    = {.ctx = waiting.empty() ? context{new_correlation_id(settings.out.random)}
                              : waiting.front().ctx,
       .callers = std::exchange(waiting, {})};
  next_batch();
}

void approval_expirer_state::next_batch() {
  sweep_approvals command{current->ctx};
  command.batch_max = batch_max;
  command.warn_before = settings.approvals.get()->warn_before;
  self->ask(
    store, settings.store_timeout, command,
    [this](const approvals_swept& batch) { add(batch); },
    [this](const caf::error& err) { fail(err); });
}

void approval_expirer_state::add(const approvals_swept& batch) {
  auto& counts = *settings.counts;
  counts.approvals_expired.add(batch.expired);
  counts.approvals_warned.add(batch.warned);
  if (batch.expired > 0)
    counts.approval_lateness_ms.set(in_milliseconds(batch.worst_lateness));
  auto& sums = current->sums;
  sums.expired += batch.expired;
  sums.warned += batch.warned;
  sums.worst_lateness = std::max(sums.worst_lateness, batch.worst_lateness);
  sums.next_due = batch.next_due;
  // A store that has more but does nothing about it would keep us for ever.
  if (batch.more && batch.expired + batch.warned > 0)
    next_batch();
  else
    finish(batch.next_due);
}

void approval_expirer_state::finish(
  const caf::optional<caf::timespan>& next_due) {
  say_sums();
  schedule.succeeded(self->clock().now(), next_due);
  auto done = *std::exchange(current, {});
  for (auto& x : done.callers) {
    done.sums.ctx = x.ctx;
    x.promise.deliver(done.sums);
  }
  go_on();
}

void approval_expirer_state::fail(const caf::error& err) {
  say_sums(); // What earlier batches did is committed.
  log.error("Error in approval expiration: {}", render(err));
  schedule.failed(self->clock().now());
  auto done = *std::exchange(current, {});
  for (auto& x : done.callers)
    x.promise.deliver(err);
  go_on();
}

void approval_expirer_state::say_sums() const {
  if (current->sums.expired > 0)
    log.info("Expired {} approval requests and rejected associated jobs",
             current->sums.expired);
}

void approval_expirer_state::go_on() {
  if (current)
    return; // It comes back here.
  if (waiting.empty())
    arm();
  else
    begin_sweep();
}

void approval_expirer_state::arm() {
  if (current)
    return;
  const auto next = std::max(schedule.next(), self->clock().now());
  if (armed && *armed <= next)
    return; // That one looks again.
  armed = next;
  self->scheduled_send(self, next, tick{++generation});
}

approval_expirer_actor::behavior_type
approval_expirer(pointer<approval_expirer_actor, approval_expirer_state> self,
                 approval_expirer_settings settings,
                 approval_store_actor store) {
  self->state = {
    .self = self, .settings = std::move(settings), .store = std::move(store)};
  self->set_exit_handler(
    [self](caf::exit_msg& exit) { self->state.stop(std::move(exit.reason)); });
  self->state.start();
  return {
    [self](const events_appended& hint) { self->state.hear(hint); },
    [self](const expire_approvals& x) { return self->state.expire(x); },
    [self](const tick& t) { self->state.on_tick(t); },
  };
}

} // namespace tunerd
