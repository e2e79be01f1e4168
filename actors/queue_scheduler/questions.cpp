#include "actors/queue_scheduler/queue_scheduler.hpp"

#include <algorithm>
#include <utility>

// What people ask about the queue. Each is answered from the index that also
// decides, after it contains what the asker knows already.

namespace tunerd {

namespace {

using namespace std::chrono_literals;

/// How long a caller waits for the index.
constexpr auto index_timeout = 1s;

/// @returns those of `places` that `query` asks for.
queue_positions only(const get_queue_positions& query,
                     const std::map<std::string, int64_t>& places) {
  queue_positions result{query.ctx};
  for (const auto& job_id : query.job_ids)
    if (const auto i = places.find(job_id); i != places.end())
      result.positions.insert(*i);
  return result;
}

} // namespace

// -- position -----------------------------------------------------------------

caf::result<queue_positions>
queue_scheduler_state::positions(const get_queue_positions& query) {
  if (waiting.size() >= waiting_max)
    return queue_positions{
      query.ctx, queue.positions(query.job_ids, settings.world.now())};
  auto promise = self->make_response_promise<queue_positions>();
  const auto deadline = self->clock().now() + index_timeout;
  waiting.push_back({promise, query, deadline});
  if (loaded && query.event_id <= cursor) {
    if (!std::exchange(answering, true))
      self->send(self, tick{answers});
    return promise;
  }
  wake_at(deadline);
  missed = missed || query.event_id > heard; // its hint may have got lost
  catch_up();
  return promise;
}

void queue_scheduler_state::answer_positions() {
  const auto now = self->clock().now();
  answering = false;
  const auto must_wait = [&](const waiting_query& x) {
    if ((loaded && x.query.event_id <= cursor) || x.deadline <= now)
      return false;
    wake_at(x.deadline);
    return true;
  };
  const auto ready
    = std::stable_partition(waiting.begin(), waiting.end(), must_wait);
  if (ready == waiting.end())
    return;
  std::vector<std::string> job_ids;
  for (auto x = ready; x != waiting.end(); ++x)
    job_ids.insert(job_ids.end(), x->query.job_ids.begin(),
                   x->query.job_ids.end());
  const auto places = queue.positions(job_ids, settings.world.now());
  for (auto x = ready; x != waiting.end(); ++x)
    x->promise.deliver(only(x->query, places));
  waiting.erase(ready, waiting.end());
}

// -- why ----------------------------------------------------------------------

caf::result<job_explained>
queue_scheduler_state::explain(const explain_job& query) {
  if (const auto known = find_loaded(query.job_id))
    return why(query, *known);
  // It is over or blocked, or there is none, or we do not know it yet.
  auto promise = self->make_response_promise<job_explained>();
  self->ask(
    store, settings.store_timeout,
    get_job{
      query.ctx, {.user_id = {}, .level = caller_level::admin}, query.job_id},
    [this, query, promise](const job_found& x) {
      why_found(query, x.subject, promise);
    },
    [promise](const caf::error& err) {
      explain_promise{promise}.deliver(err);
    });
  return promise;
}

caf::optional<queue_entry>
queue_scheduler_state::find_loaded(const std::string& job_id) const {
  return loaded ? queue.find(job_id) : caf::none;
}

void queue_scheduler_state::why_found(const explain_job& query,
                                      const job& subject,
                                      explain_promise promise) {
  job_explained result{query.ctx};
  if (subject.queue == queue_status::blocked) {
    result.constraints.push_back({.kind = "approval"});
    promise.deliver(std::move(result));
  } else if (subject.queue != queue_status::pending
             && !holds_slot(subject.queue)) {
    promise.deliver(std::move(result));
  } else if (asking_why.size() >= waiting_max) {
    promise.deliver(make_error(ec::overloaded, "too many questions"));
  } else {
    asking_why.push_back({promise, query, self->clock().now() + index_timeout});
    mark_dirty(subject.id);
    catch_up();
    answer_why();
  }
}

void queue_scheduler_state::answer_why() {
  const auto is_answered = [&](waiting_why& x) {
    if (const auto known = find_loaded(x.query.job_id))
      x.promise.deliver(why(x.query, *known));
    else if (self->clock().now() < x.deadline)
      return wake_at(x.deadline), false;
    else
      x.promise.deliver(
        make_error(ec::worker_restarting, "the queue is behind; ask again"));
    return true;
  };
  std::erase_if(asking_why, is_answered);
}

job_explained queue_scheduler_state::why(const explain_job& query,
                                         const queue_entry& x) {
  job_explained result{query.ctx};
  const auto now = settings.world.now();
  const auto position = queue.position(x.job_id, now);
  if (position == 0) {
    result.constraints = held_by(x.job_id);
    return result;
  }
  set_rooms(); // as the next choice will see them
  result.position = position;
  result.constraints = constraints_of(queue, x, line_of(x.provider), now);
  result.estimated_wait
    = estimated_wait(queue.lines(x.job_id, now), result.constraints,
                     holds.mean(x.provider), now);
  return result;
}

std::vector<queue_constraint>
queue_scheduler_state::held_by(const std::string& job_id) const {
  std::vector<queue_constraint> result;
  const auto of_job = attempts.find(job_id);
  if (of_job == attempts.end())
    return result;
  for (const auto& x : of_job->second)
    if (x.state == attempt_state::in_doubt
        || x.state == attempt_state::unresolved)
      result.push_back({.kind = to_string(x.state), .scope = x.provider});
  return result;
}

provider_line
queue_scheduler_state::line_of(const std::string& provider) const {
  provider_line result{.max = under_way_max};
  for (const auto& [id, x] : in_flight)
    if (x.provider == provider && !x.outcome)
      result.under_way.push_back(x.job_id);
  const auto stop = paused.find(provider);
  if (stop == paused.end())
    return result;
  result.is_paused = true;
  const auto left = stop->second.until - self->clock().now();
  if (left > left.zero())
    result.until = settings.world.now() + left;
  return result;
}

// -- process ------------------------------------------------------------------

caf::result<queue_processed>
queue_scheduler_state::process(const process_queue& command) {
  if (processing.size() >= waiting_max)
    return make_error(ec::overloaded, "too many wait for the queue");
  auto promise = self->make_response_promise<queue_processed>();
  processing.push_back(
    {promise, command.ctx, self->clock().now() + settings.store_timeout});
  missed = true; // whatever hint got lost, it is made up for now
  catch_up();
  look();
  return promise;
}

void queue_scheduler_state::answer_process() {
  const auto idle
    = loaded && !missed && !reading && dirty.empty() && claiming.empty();
  const auto is_answered = [&](waiting_process& x) {
    if (!idle && !stopping && self->clock().now() < x.deadline)
      return wake_at(x.deadline), false;
    if (!loaded)
      x.promise.deliver(make_error(ec::worker_restarting,
                                   "the queue is not loaded; ask again"));
    else
      x.promise.deliver(queue_processed{x.ctx, std::move(x.job_ids)});
    return true;
  };
  std::erase_if(processing, is_answered);
}

} // namespace tunerd
