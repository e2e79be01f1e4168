#include "actors/supervisor/supervisor.hpp"

#include "actors/supervisor/worker_status.hpp"

#include <algorithm>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.tasks"};

/// How long the store may take to append an event.
constexpr std::chrono::seconds append_timeout{10};

/// What an exception says is kept up to here.
constexpr size_t error_size_max = 1000;

/// What a worker that ends of its own accord died of.
std::string cause_of(const caf::error& reason) {
  return reason ? render(reason) : "ended without being asked to";
}

} // namespace

worker_list supervisor_state::report(const context& query) const {
  worker_list result{query, {}};
  for (const auto& x : workers) {
    result.workers.push_back(x.status);
    result.workers.back().mailbox_age = mailbox_age(x);
  }
  return result;
}

void supervisor_state::on_tick(const tick& t) {
  if (t.generation != generation)
    return;
  armed.reset();
  if (leaving && leaving->until <= self->clock().now())
    patience_over();
  probe_mailboxes();
  step();
}

void supervisor_state::on_down(const caf::down_msg& down) {
  auto i
    = std::find_if(workers.begin(), workers.end(), [&](const supervised& x) {
        return x.handle == down.source;
      });
  if (i == workers.end())
    return; // One that was given up and has ended after all.
  i->handle = nullptr;
  forget_probe(*i);
  tell_address(*i);
  const bool was_asked
    = leaving && leaving->index == static_cast<size_t>(i - workers.begin());
  if (was_asked)
    leaving.reset();
  if (was_asked || !is_wanted(*i))
    ended(*i);
  else
    crashed(*i, cause_of(down.reason));
  step();
}

void supervisor_state::stop(caf::error why) {
  if (stopping)
    return;
  if (const auto& id = current_context().correlation_id; !id.empty())
    ctx = {id}; // The crash that leads to this.
  else
    ctx = {new_correlation_id(settings.out.random)};
  log_context scope{ctx};
  log.info("Stopping background tasks...");
  stopping = true;
  reason = std::move(why);
  deadline = self->clock().now() + settings.grace;
  for (auto& x : workers) {
    x.ctx.correlation_id = ctx.correlation_id;
    if (!x.handle)
      x.status.phase = worker_phase::stopped;
  }
}

// -- towards the wish ---------------------------------------------------------

void supervisor_state::step() {
  answer_orders(); // Before `finish`, which is the end of promises.
  if (!leaving && !stopping && !last_to_end())
    start_due();
  if (!leaving) {
    if (auto index = last_to_end())
      end(*index);
    else if (stopping)
      return finish();
  }
  answer_orders();
  arm();
}

void supervisor_state::start_due() {
  std::vector<const supervised*> started;
  for (auto& x : workers) {
    if (may_start(x) && start(x))
      started.push_back(&x);
    if (stopping || (!x.ran && !x.given_up && is_wanted(x)))
      break; // The first time nobody starts before its predecessors.
  }
  // Only now: at start-up the store comes after the first of them.
  for (const auto* x : started)
    announce(*x);
}

bool supervisor_state::may_start(const supervised& x) const {
  const auto& needed = x.what.restarts_with;
  return !x.handle && is_wanted(x) && !x.given_up
         && x.due <= self->clock().now()
         && std::none_of(workers.begin(), workers.end(), [&](const auto& y) {
              return !y.handle && !y.given_up && is_wanted(y)
                     && std::find(needed.begin(), needed.end(), y.what.name)
                          != needed.end();
            });
}

bool supervisor_state::is_wanted(const supervised& x) const {
  return x.wanted && (leads || !x.what.leader_only);
}

bool supervisor_state::is_up(const supervised& x) const {
  return x.handle && !(leaving && &workers[leaving->index] == &x);
}

bool supervisor_state::start(supervised& x) {
  log_context scope{x.ctx};
  try {
    x.handle = x.what.start();
    if (!x.handle)
      throw std::runtime_error("the start function gave no actor");
  } catch (const std::exception& e) {
    crashed(x, e.what());
    return false;
  }
  self->monitor(x.handle);
  tell_address(x);
  if (!std::exchange(x.excused, false) && x.ran) {
    ++x.status.restarts;
    settings.counts->worker_restarts.add();
  }
  x.status.phase = worker_phase::running;
  x.ran = true;
  log.info("Worker started", {{"worker", x.what.name},
                              {"restarts", uint64_t{x.status.restarts}}});
  return true;
}

std::optional<size_t> supervisor_state::last_to_end() const {
  for (auto i = workers.size(); i-- > 0;)
    if (workers[i].handle
        && (stopping || workers[i].replace || !is_wanted(workers[i])))
      return i;
  return std::nullopt;
}

void supervisor_state::end(size_t index) {
  auto& x = workers[index];
  const auto now = self->clock().now();
  self->send_exit(x.handle, caf::exit_reason::user_shutdown);
  if (x.what.address) // Whoever asks from now on must not wait for it.
    caf::anon_send(x.what.address, incarnation{stand_in_of(x)});
  x.excused = !is_wanted(x);
  leaving = {.index = index, .until = now + (deadline - now) / 2};
}

void supervisor_state::patience_over() {
  auto& x = workers[leaving->index];
  log_context scope{x.ctx};
  const auto now = self->clock().now();
  if (!leaving->killed) {
    log.warning("Worker does not end, killing it", {{"worker", x.what.name}});
    self->send_exit(x.handle, caf::exit_reason::kill);
    leaving->killed = true;
    leaving->until = now + (deadline - now) / 2;
    return;
  }
  log.error("Worker did not end", {{"worker", x.what.name}});
  stuck.push_back(x.what.name);
  x.handle = nullptr;
  forget_probe(x);
  leaving.reset();
  ended(x);
  // Two incarnations of one worker must never meet.
  stop(make_error(caf::sec::runtime_error,
                  "worker " + x.what.name + " did not end"));
}

void supervisor_state::finish() {
  log_context scope{ctx};
  if (stuck.empty()) {
    log.info("Background tasks stopped");
  } else {
    auto text = std::string{"did not end:"};
    for (const auto& worker_name : stuck)
      text += " " + worker_name;
    log.error("Background tasks stopped, some did not end", {{"error", text}});
    reason = make_error(caf::sec::runtime_error, std::move(text));
  }
  self->quit(reason);
}

void supervisor_state::arm() {
  std::optional<time_point> next;
  const auto consider
    = [&next](time_point t) { next = next ? std::min(*next, t) : t; };
  const auto now = self->clock().now();
  if (leaving)
    consider(leaving->until);
  else
    for (const auto& x : workers)
      if (!x.handle && is_wanted(x) && !x.given_up && x.due > now)
        consider(x.due);
  for (const auto& x : orders)
    consider(x.until);
  if (!stopping)
    consider(probes_due);
  if (next == armed)
    return;
  armed = next;
  ++generation;
  if (next)
    self->scheduled_send(self, *next, tick{generation});
}

// -- what changes the wish ----------------------------------------------------

void supervisor_state::crashed(supervised& x, std::string text) {
  if (text.size() > error_size_max)
    text.resize(error_size_max);
  x.ctx = {new_correlation_id(settings.out.random), {{"worker", x.what.name}}};
  log_context scope{x.ctx};
  log.error("Worker crashed", {{"worker", x.what.name}, {"error", text}});
  x.status.last_error = std::move(text);
  x.status.phase = stopping ? worker_phase::stopped : worker_phase::restarting;
  x.replace = false;
  if (!stopping && forgivable(x))
    restart_with(x);
  announce(x);
}

bool supervisor_state::forgivable(supervised& x) {
  const auto& policy = settings.policy;
  const auto now = self->clock().now();
  x.crashes.push_back(now);
  while (now - x.crashes.front() > policy.window)
    x.crashes.pop_front();
  x.due = now + restart_delay(policy, x.crashes.size(), settings.out.random());
  if (x.crashes.size() <= policy.restarts_max)
    return true;
  x.status.phase = worker_phase::stopped;
  x.given_up = true;
  log.critical("Worker crashed too often", {{"worker", x.what.name}});
  if (x.what.essential)
    stop(make_error(caf::sec::runtime_error,
                    "worker " + x.what.name
                      + " crashed too often: " + x.status.last_error));
  else if (x.what.on_given_up)
    x.what.on_given_up();
  return false;
}

void supervisor_state::restart_with(const supervised& origin) {
  std::vector<std::string> causes{origin.what.name};
  for (auto& x : workers) { // Its causes are listed before it: one pass.
    const auto& names = x.what.restarts_with;
    if (std::find_first_of(names.begin(), names.end(), causes.begin(),
                           causes.end())
        == names.end())
      continue;
    causes.push_back(x.what.name);
    x.replace = static_cast<bool>(x.handle);
    x.ctx.correlation_id = origin.ctx.correlation_id;
    if (x.replace)
      x.status.phase = worker_phase::restarting;
  }
  grant_grace();
}

void supervisor_state::grant_grace() {
  if (!leaving && !stopping)
    deadline = self->clock().now() + settings.grace;
}

void supervisor_state::ended(supervised& x) {
  const bool wanted = is_wanted(x);
  x.replace = false;
  x.excused = x.excused || !wanted;
  x.status.phase
    = stopping || !wanted ? worker_phase::stopped : worker_phase::restarting;
  if (!wanted && !stopping) {
    log_context scope{x.ctx};
    log.info("Worker stopped", {{"worker", x.what.name}});
  }
  announce(x);
}

// -- what others are told -----------------------------------------------------

void supervisor_state::tell_address(const supervised& x) {
  if (x.what.address)
    caf::anon_send(x.what.address,
                   incarnation{x.handle ? x.handle : stand_in_of(x)});
}

caf::actor supervisor_state::stand_in_of(const supervised& x) const {
  return x.what.leader_only && !leads ? stand_in : caf::actor{};
}

void supervisor_state::announce(const supervised& x) {
  if (!events)
    return;
  self->ask(
    events, append_timeout,
    append_event{x.ctx,
                 worker_status_event(x.ctx, x.status, settings.out.now())},
    [](const event_appended&) {},
    [worker_name = x.what.name](const caf::error& err) {
      log.debug("Failed to append the status of worker {}: {}", worker_name,
                render(err));
    });
}

supervisor_state::supervised*
supervisor_state::find(const std::string& worker_name) {
  auto i
    = std::find_if(workers.begin(), workers.end(), [&](const supervised& x) {
        return x.what.name == worker_name;
      });
  return i == workers.end() ? nullptr : &*i;
}

supervisor_worker::behavior_type
supervisor(pointer<supervisor_worker, supervisor_state> self,
           std::vector<worker> workers, supervisor_settings settings,
           event_log_actor events) {
  self->state = {
    .self = self, .settings = std::move(settings), .events = std::move(events)};
  auto& state = self->state;
  state.leads = state.settings.leads;
  state.ctx = {new_correlation_id(state.settings.out.random)};
  state.probes_due = self->clock().now() + state.settings.probe_interval;
  for (auto& x : workers) {
    for (const auto& needed : x.restarts_with)
      if (state.find(needed) == nullptr)
        throw std::invalid_argument(x.name + " restarts with " + needed
                                    + ", which is not listed before it");
    worker_state status{x.name};
    if (x.leader_only && !state.leads)
      status.phase = worker_phase::stopped;
    state.workers.push_back({.what = std::move(x), .status = status});
    state.workers.back().ctx
      = {state.ctx.correlation_id, {{"worker", status.name}}};
  }
  self->set_down_handler(
    [self](const caf::down_msg& down) { self->state.on_down(down); });
  self->set_exit_handler([self](caf::exit_msg& exit) {
    self->state.stop(std::move(exit.reason));
    self->state.step();
  });
  state.step();
  return {
    [self](const get_workers& query) { return self->state.report(query.ctx); },
    [self](const control_worker& x) { return self->state.control(x); },
    [self](const tick& t) { self->state.on_tick(t); },
    [self](const role_changed& x) { self->state.change_role(x); },
  };
}

} // namespace tunerd
