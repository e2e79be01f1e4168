#include "actors/queue_scheduler/queue_scheduler.hpp"

#include "actors/queue_scheduler/backoff.hpp"
#include "actors/support/fault_point.hpp"

#include <algorithm>

namespace tunerd {

namespace {

using namespace std::chrono_literals;

constexpr logger log{"simpletuner.cloud.queue"};

/// Generations of our ticks.
constexpr uint64_t extra = 0;
constexpr uint64_t periodic = 1;

/// How long a caller waits for its place in the queue.
constexpr auto positions_timeout = 1s;

/// How long a stop waits for what is in flight.
constexpr auto drain_max = 5s;

} // namespace

// -- handlers
// ------------------------------------------------------------------

void queue_scheduler_state::hear(const events_appended& hint) {
  if (hint.last_id <= heard || stale)
    return; // What comes while loading is read after it.
  const log_context scope{new_work()};
  if (hint.first_id > heard + 1) {
    missed = true;
  } else {
    heard = hint.last_id;
    for (const auto& job_id : hint.job_ids)
      mark_dirty(job_id);
  }
  catch_up();
}

caf::result<queue_positions>
queue_scheduler_state::positions(const get_queue_positions& query) {
  if ((loaded && query.event_id <= cursor) || waiting.size() >= waiting_max)
    return positions_of(query);
  auto promise = self->make_response_promise<queue_positions>();
  const auto deadline = self->clock().now() + positions_timeout;
  waiting.push_back({promise, query, deadline});
  wake_at(deadline);
  missed = missed || query.event_id > heard; // its hint may have got lost
  catch_up();
  return promise;
}

void queue_scheduler_state::on_tick(const tick& due) {
  const log_context scope{new_work()};
  if (due.generation == periodic) {
    fault_point("queue_scheduler.tick");
    arm();
    missed = true;
  } else if (wake && *wake <= self->clock().now()) {
    wake = caf::none;
  }
  catch_up();
  look();
  const auto drained = claiming.empty() && in_flight.empty();
  if (stopping && (drained || stop_deadline <= self->clock().now()))
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

// -- time and order of work
// ----------------------------------------------------

void queue_scheduler_state::start() {
  const log_context scope{new_work()};
  log.info("Queue scheduler started with {}s processing interval",
           settings.queue.interval.count());
  next_tick = self->clock().now();
  arm();
  catch_up();
}

void queue_scheduler_state::end(const caf::error& reason) {
  const log_context scope{new_work()};
  log.info("Queue scheduler stopped");
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
  if (!loaded)
    return answer_positions();
  record_due();
  mind_attempts();
  compare_due();
  stop_due();
  answer_positions();
  dispatch();
  if (stopping && claiming.empty() && in_flight.empty())
    wake_at(self->clock().now());
}

void queue_scheduler_state::answer_positions() {
  const auto now = self->clock().now();
  const auto is_answered = [&](waiting_query& x) {
    if ((!loaded || cursor < x.query.event_id) && now < x.deadline)
      return wake_at(x.deadline), false;
    x.promise.deliver(positions_of(x.query));
    return true;
  };
  std::erase_if(waiting, is_answered);
}

queue_positions
queue_scheduler_state::positions_of(const get_queue_positions& query) const {
  queue_positions result{query.ctx};
  const auto now = settings.world.now();
  for (const auto& job_id : query.job_ids)
    if (const auto place = queue.position(job_id, now); place > 0)
      result.positions.emplace(job_id, place);
  return result;
}

context queue_scheduler_state::new_work() const {
  return {new_correlation_id(settings.world.random)};
}

caf::result<job_explained>
queue_scheduler_state::explain(const explain_job&) {
  return make_error(ec::overloaded, "not built yet");
}

caf::result<queue_processed>
queue_scheduler_state::process(const process_queue&) {
  return make_error(ec::overloaded, "not built yet");
}

caf::result<provider_jobs_synced>
queue_scheduler_state::sync(const sync_provider_jobs&) {
  return make_error(ec::overloaded, "not built yet");
}

caf::result<job_found>
queue_scheduler_state::resolve(const resolve_attempt&) {
  return make_error(ec::overloaded, "not built yet");
}

queue_scheduler_state::time_point
queue_scheduler_state::retry_at(uint32_t failures) const {
  const auto wait = backoff(failures, settings.world.random());
  return self->clock().now() + std::max<caf::timespan>(wait, 100ms);
}

// -- values
// --------------------------------------------------------------------

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
