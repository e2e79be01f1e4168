#include "actors/queue_scheduler/queue_scheduler.hpp"

#include "actors/queue_scheduler/backoff.hpp"
#include "actors/support/fault_point.hpp"

#include <algorithm>

namespace tunerd {

namespace {

using namespace std::chrono_literals;

constexpr logger log{"simpletuner.cloud.queue"};

/// How long a stop waits for what is in flight. Less than the half of the
/// daemon's grace period, which is what a worker gets before it is killed.
constexpr auto drain_max = 3s;

} // namespace

// -- handlers -----------------------------------------------------------------

void queue_scheduler_state::hear(const events_appended& hint) {
  if (hint.last_id <= heard || stale)
    return; // What comes while loading is read after it.
  const log_context scope{new_work()};
  if (hint.first_id > heard + 1
      || dirty.size() + hint.job_ids.size() > dirty_max) {
    missed = true; // the log has it
  } else {
    heard = hint.last_id;
    for (const auto& job_id : hint.job_ids)
      mark_dirty(job_id);
  }
  catch_up();
}

void queue_scheduler_state::on_tick(const tick& due) {
  const log_context scope{new_work()};
  if (due.generation == answers)
    return answer_positions();
  if (due.generation == periodic) {
    fault_point("queue_scheduler.tick");
    arm();
    missed = true;
  } else if (wake && *wake <= self->clock().now()) {
    wake = caf::none;
  }
  catch_up();
  look();
  if (stopping && (is_drained() || stop_deadline <= self->clock().now()))
    end(*stopping);
}

void queue_scheduler_state::stop(const caf::error& reason) {
  if (stopping)
    return;
  if (reason != caf::exit_reason::user_shutdown)
    return end(reason);
  stopping = reason;
  stop_deadline = self->clock().now() + drain_max;
  wake_at(self->clock().now());
}

// -- time and order of work ---------------------------------------------------

void queue_scheduler_state::start() {
  const log_context scope{new_work()};
  log.info("Queue scheduler started with {}s processing interval",
           settings.queue.interval.count());
  using seconds = std::chrono::duration<double>;
  log.info("Queue background processing started (interval: {:.1f}s)",
           seconds{settings.queue.interval}.count());
  next_tick = self->clock().now();
  arm();
  catch_up();
}

void queue_scheduler_state::end(const caf::error& reason) {
  const log_context scope{new_work()};
  log.info("Queue background processing stopped");
  log.info("Queue scheduler stopped");
  const auto ended
    = make_error(ec::worker_restarting, "the scheduler has ended");
  for (auto& x : waiting)
    x.promise.deliver(ended);
  for (auto& x : asking_why)
    x.promise.deliver(ended);
  for (auto& x : processing)
    x.promise.deliver(ended);
  for (auto& [attempt_id, x] : resolutions)
    x.promise.deliver(ended);
  self->quit(reason);
}

void queue_scheduler_state::arm() {
  for (const auto now = self->clock().now(); next_tick <= now;)
    next_tick += settings.queue.interval; // keeps the phase
  self->scheduled_send(self, next_tick, tick{periodic});
}

void queue_scheduler_state::wake_at(time_point at) {
  if ((wake && *wake <= at) || next_tick <= at)
    return;
  wake = at;
  self->scheduled_send(self, at, tick{extra});
}

void queue_scheduler_state::look() {
  if (loaded) {
    record_due();
    mind_attempts();
    compare_due();
    stop_due();
  }
  answer_positions();
  answer_why();
  if (loaded)
    dispatch();
  answer_process();
  if (stopping)
    wake_at(is_drained() ? self->clock().now() : stop_deadline);
}

bool queue_scheduler_state::is_drained() const {
  return claiming.empty() && in_flight.empty();
}

context queue_scheduler_state::new_work() const {
  return {new_correlation_id(settings.world.random)};
}

queue_scheduler_state::time_point
queue_scheduler_state::retry_at(uint32_t failures) const {
  const auto wait = backoff(failures, settings.world.random());
  return self->clock().now() + std::max<caf::timespan>(wait, 100ms);
}

// -- values -------------------------------------------------------------------

queue_entry entry_of(const job& x) {
  return {.job_id = x.id,
          .row = x.row,
          .provider = x.provider,
          .user_id = x.user_id,
          .org_id = x.org_id,
          .team_id = x.team_id,
          .status = x.queue,
          .priority = base_priority(x),
          .queued_at = x.queued_at,
          .not_before = x.not_before,
          .correlation_id = x.correlation_id};
}

context context_of(const open_attempt& x) {
  return {x.correlation_id, {{"job_id", x.job_id}, {"provider", x.provider}}};
}

queue_scheduler_actor::behavior_type
queue_scheduler(pointer<queue_scheduler_actor, queue_scheduler_state> self,
                queue_scheduler_settings settings, store_actor store,
                provider_gateway_actor providers) {
  const auto threshold = settings.queue.starvation_threshold;
  const auto now = settings.world.now();
  self->state = {.self = self,
                 .settings = std::move(settings),
                 .store = std::move(store),
                 .providers = std::move(providers),
                 .queue = job_queue{threshold},
                 .started = now};
  self->set_exit_handler(
    [self](const caf::exit_msg& x) { self->state.stop(x.reason); });
  self->state.start();
  return {
    [self](const events_appended& x) { self->state.hear(x); },
    [self](const get_queue_positions& x) { return self->state.positions(x); },
    [self](const cancel_job& x) { return self->state.cancel(x); },
    [self](const explain_job& x) { return self->state.explain(x); },
    [self](const process_queue& x) { return self->state.process(x); },
    [self](const sync_provider_jobs& x) { return self->state.sync(x); },
    [self](const resolve_attempt& x) { return self->state.resolve(x); },
    [self](const tick& x) { self->state.on_tick(x); },
  };
}

} // namespace tunerd
