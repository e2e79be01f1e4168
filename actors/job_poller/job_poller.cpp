#include "actors/job_poller/job_poller.hpp"

#include "actors/support/fault_point.hpp"

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.polling"};

/// How often silence is looked for.
constexpr std::chrono::minutes check_interval{1};

/// Of what a provider calls a status.
constexpr size_t raw_status_size_max = 100;

} // namespace

polling_status job_poller_state::refresh(const refresh_polling& command) {
  if (decision.is_active)
    log.info("Stopped existing job polling task for refresh");
  start();
  return report(command.ctx);
}

polling_status job_poller_state::report(const context& ctx) const {
  return {.ctx = ctx,
          .is_active = decision.is_active,
          .interval = settings.polling.get()->interval,
          .source = decision.source};
}

void job_poller_state::on_tick(const tick& t) {
  if (t.generation != generation)
    return;
  fault_point("poller.tick");
  const bool for_all = self->clock().now() >= next_round;
  arm();
  poll(for_all);
}

// -- steps of a start ---------------------------------------------------------

void job_poller_state::start() {
  decision = decide_polling(settings.polling.get()->enabled, settings.providers);
  say_decision();
  ++generation;
  next_round = next_check = self->clock().now();
  if (!decision.is_active && !decision.has(polling_mode::when_silent))
    return;
  arm();
  poll(true);
}

void job_poller_state::say_decision() const {
  const auto seconds = settings.polling.get()->interval.count();
  if (settings.polling.get()->enabled == false)
    log.info("Job status polling is explicitly disabled in Enterprise Config");
  if (!decision.is_active)
    return;
  if (settings.polling.get()->enabled) {
    log.info("Starting job status polling (Enterprise Config, interval: {}s)",
             seconds);
  } else {
    log.info("Auto-enabling job polling (no webhook configured)");
    log.info("Starting job status polling (Auto, interval: {}s)", seconds);
  }
  log.info("Job polling loop started (interval: {}s)", seconds);
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

// -- steps of a round ---------------------------------------------------------

void job_poller_state::poll(bool for_all) {
  full = full || for_all;
  if (listing)
    return; // The answer under way serves this one, too.
  listing = true;
  const context ctx{new_correlation_id(settings.out.random)};
  self->ask(
    store, settings.store_timeout, list_active_jobs{ctx},
    [this, ctx](const job_list& x) { begin_round(ctx, x.jobs); },
    [this](const caf::error& err) {
      listing = full = false;
      log.error("Error in job polling: {}", render(err));
    });
}

void job_poller_state::begin_round(const context& ctx,
                                   const std::vector<job>& active) {
  listing = false;
  meet_strangers(active);
  drop_finished(active);
  const auto number = ++last_round;
  auto& current = rounds[number] = {.ctx = ctx};
  for (const auto* x :
       ledger.choose(active, decision, self->clock().now(), settings.out.now(),
                     std::exchange(full, false))) {
    if (x->external_id.empty())
      log.debug("Skipping sync for job {} - no valid external ID", x->id);
    else if (queue.add({context_of(*x), x->id, x->provider, x->external_id,
                        x->hardware_profile, x->status, number}))
      ++current.open;
  }
  if (current.open == 0)
    rounds.erase(number);
  for (const auto& x : settings.providers)
    ask_next(x.name);
}

void job_poller_state::meet_strangers(const std::vector<job>& active) {
  std::set<std::string> met;
  for (const auto& x : active)
    if (decision.modes.count(x.provider) == 0)
      met.insert(x.provider);
  for (const auto& x : met)
    if (strangers.count(x) == 0)
      log.warning("Unknown provider: {}", x);
  strangers = std::move(met);
}

void job_poller_state::drop_finished(const std::vector<job>& active) {
  std::set<std::string> ids;
  for (const auto& x : active)
    ids.insert(x.id);
  for (const auto& x : queue.keep_only(ids))
    leave_round(x, false);
}

void job_poller_state::ask_next(const std::string& provider) {
  while (auto x = queue.next(provider))
    self->ask(
      gateway, settings.provider_timeout,
      get_provider_job{x->ctx, x->provider, x->external_id,
                       x->hardware_profile},
      [this, x = *x](const provider_job_found& y) { apply(x, y.seen); },
      [this, x = *x](const caf::error& err) { give_up(x, err); });
}

void job_poller_state::apply(const due_job& x, const provider_job& seen) {
  const auto raw = seen.raw_status.substr(0, raw_status_size_max);
  if (!seen.status && ledger.is_news(x.id, raw))
    log.warning("Unknown status '{}' for job {}, keeping {}", raw, x.id,
                to_string(x.status));
  fault_point("poller.before_apply");
  self->ask(
    store, settings.store_timeout,
    apply_status{x.ctx, x.id, seen, change_source::poll},
    [this, x](const status_applied&) { finished(x, true); },
    [this, x](const caf::error& err) { give_up(x, err); });
}

void job_poller_state::give_up(const due_job& x, const caf::error& err) {
  log.debug("Failed to sync job {}: {}", x.id, render(err));
  if (code_of(err) != ec::no_such_provider_job)
    return finished(x, false); // The next round asks again.
  self->ask(
    store, settings.store_timeout, report_missing_job{x.ctx, x.id},
    [this, x](const status_applied&) { finished(x, false); },
    [this, x](const caf::error& worse) {
      log.debug("Failed to sync job {}: {}", x.id, render(worse));
      finished(x, false);
    });
}

void job_poller_state::finished(const due_job& x, bool synced) {
  queue.done(x);
  leave_round(x, synced);
  ask_next(x.provider);
}

void job_poller_state::leave_round(const due_job& x, bool synced) {
  auto i = rounds.find(x.round);
  if (i == rounds.end())
    return;
  auto& current = i->second;
  current.synced += synced ? 1 : 0;
  if (--current.open > 0)
    return;
  log_context scope{current.ctx};
  if (current.synced > 0)
    log.debug("Synced {} active jobs", current.synced);
  rounds.erase(i);
}

caf::result<jobs_polled> job_poller_state::poll_now(const poll_jobs&) {
  return make_error(ec::overloaded, "not built yet");
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
  self->state.queue = poll_queue{self->state.settings.providers};
  self->set_exit_handler([self](caf::exit_msg& exit) {
    if (self->state.decision.is_active)
      log.info("Job polling loop stopped");
    self->quit(std::move(exit.reason));
  });
  self->state.start();
  return {
    [self](const refresh_polling& x) { return self->state.refresh(x); },
    [self](const get_polling_status& x) { return self->state.report(x.ctx); },
    [self](const poll_jobs& x) { return self->state.poll_now(x); },
    [self](const tick& t) { self->state.on_tick(t); },
  };
}

} // namespace tunerd
