#include "actors/job_poller/job_poller.hpp"

#include "actors/support/fault_point.hpp"

#include <utility>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.polling"};

/// How often silence is looked for.
constexpr std::chrono::minutes check_interval{1};

/// Those that may wait for a decision at once. One more is refused.
constexpr size_t askers_max = 100;

caf::error too_many() {
  return make_error(ec::overloaded, "too many wait for the polling settings");
}

} // namespace

caf::result<polling_status>
job_poller_state::refresh(const refresh_polling& command) {
  if (waiting.size() >= askers_max)
    return too_many();
  auto promise = self->make_response_promise<polling_status>();
  waiting.push_back({command.ctx, promise});
  if (!reading)
    read_settings(command.ctx);
  return promise;
}

caf::result<polling_status>
job_poller_state::status(const get_polling_status& query) {
  if (decided)
    return report(query.ctx);
  if (served.size() >= askers_max)
    return too_many();
  auto promise = self->make_response_promise<polling_status>();
  served.push_back({query.ctx, promise});
  return promise;
}

void job_poller_state::on_tick(const tick& t) {
  if (t.generation == command_tick)
    return mind_commands();
  if (t.generation == lane_tick)
    return mind_lanes();
  if (t.generation != generation || (!polls() && !unread))
    return;
  fault_point("poller.tick");
  const bool for_all = self->clock().now() >= next_round;
  if (for_all && !full)
    full_since = next_round;
  arm();
  if (polls())
    poll(for_all);
  if (unread && for_all && !reading)
    read_settings({new_correlation_id(settings.out.random)});
}

void job_poller_state::stop(caf::error why) {
  const auto gone = make_error(ec::worker_restarting, "the poller has ended");
  for (auto* askers : {&served, &waiting})
    for (auto& x : *askers)
      x.promise.deliver(gone);
  for (auto& [number, x] : rounds)
    if (x.asker)
      x.asker->deliver(gone);
  if (decision.is_active)
    log.info("Job polling loop stopped");
  self->quit(std::move(why));
}

// -- steps of a decision ------------------------------------------------------

void job_poller_state::read_settings(const context& ctx) {
  reading = true;
  for (auto& x : std::exchange(waiting, {}))
    served.push_back(std::move(x));
  if (!stored)
    return decide();
  self->ask(
    stored, settings.store_timeout, get_settings{ctx, polling_key},
    [this, ctx](const settings_found& x) { read_providers(ctx, x); },
    [this](const caf::error& err) { settings_unread(err); });
}

void job_poller_state::read_providers(const context& ctx,
                                      const settings_found& found) {
  self->ask(
    stored, settings.store_timeout, get_settings{ctx, provider_prefix},
    [this, values = found.values](const settings_found& x) {
      auto all = values;
      all.insert(x.values.begin(), x.values.end());
      known = read_stored(all);
      unread = false;
      decide();
    },
    [this](const caf::error& err) { settings_unread(err); });
}

void job_poller_state::settings_unread(const caf::error& err) {
  if (!std::exchange(unread, true))
    log.warning("Cannot read the polling settings, going on without: {}",
                render(err));
  decide();
}

void job_poller_state::decide() {
  reading = false;
  auto next = decide_polling(settings.polling.get()->enabled,
                             settings.providers, known);
  if (!decided || !served.empty() || next != decision) {
    if (decision.is_active)
      log.info("Stopped existing job polling task for refresh");
    decision = std::move(next);
    decided = true;
    start();
  }
  for (auto& x : std::exchange(served, {}))
    x.promise.deliver(report(x.ctx));
  if (!waiting.empty())
    read_settings(context{waiting.front().ctx}); // It empties `waiting`.
}

void job_poller_state::start() {
  say_decision();
  for (auto& [provider, lane] : lanes)
    if (decision.mode_of(provider) == polling_mode::every_round)
      lane.hasten(self->clock().now());
    else
      leave_rounds(lane.end_turn());
  ++generation;
  full_rounds = 0;
  next_round = next_check = self->clock().now();
  if (!polls() && !unread)
    return;
  full_since = next_round;
  arm();
  if (polls())
    poll(true);
}

void job_poller_state::say_decision() const {
  const auto seconds = settings.polling.get()->interval.count();
  const auto& source = decision.source;
  if (!decision.is_active) {
    if (source == "enterprise")
      log.info(
        "Job status polling is explicitly disabled in Enterprise Config");
    if (source == "setting")
      log.info("Job status polling is explicitly disabled in WebUI settings");
    return;
  }
  if (source == "enterprise") {
    log.info("Starting job status polling (Enterprise Config, interval: {}s)",
             seconds);
  } else if (source == "setting") {
    log.info("Starting job status polling (WebUI Setting, interval: {}s)",
             seconds);
  } else {
    log.info("Auto-enabling job polling (no webhook configured)");
    log.info("Starting job status polling (Auto, interval: {}s)", seconds);
  }
  log.info("Job polling loop started (interval: {}s)", seconds);
}

polling_status job_poller_state::report(const context& ctx) const {
  return {.ctx = ctx,
          .is_active = decision.is_active,
          .interval = settings.polling.get()->interval,
          .source = decision.source};
}

bool job_poller_state::polls() const {
  return decision.is_active || decision.has(polling_mode::when_silent);
}

void job_poller_state::arm() {
  const auto now = self->clock().now();
  while (next_round <= now) // Keeps the phase, skips what was missed.
    next_round += settings.polling.get()->interval;
  while (next_check <= now)
    next_check += check_interval;
  const bool checks = decision.has(polling_mode::when_silent);
  self->scheduled_send(self,
                       checks ? std::min(next_round, next_check) : next_round,
                       tick{generation});
}

job_poller_actor::behavior_type
job_poller(pointer<job_poller_actor, job_poller_state> self,
           job_poller_settings settings, job_store_actor store,
           settings_store_actor stored, provider_gateway_actor gateway) {
  self->state = {.self = self,
                 .settings = std::move(settings),
                 .store = std::move(store),
                 .stored = std::move(stored),
                 .gateway = std::move(gateway)};
  for (const auto& x : self->state.settings.providers)
    self->state.lanes.emplace(x.name, x);
  self->set_exit_handler(
    [self](caf::exit_msg& exit) { self->state.stop(std::move(exit.reason)); });
  self->state.read_settings(
    {new_correlation_id(self->state.settings.out.random)});
  return {
    [self](const refresh_polling& x) { return self->state.refresh(x); },
    [self](const get_polling_status& x) { return self->state.status(x); },
    [self](const poll_jobs& x) { return self->state.poll_now(x); },
    [self](const tick& t) { self->state.on_tick(t); },
  };
}

} // namespace tunerd
