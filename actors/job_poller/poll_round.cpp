#include "actors/job_poller/job_poller.hpp"

#include "actors/support/fault_point.hpp"

#include <algorithm>
#include <utility>

// Asking about jobs: the rounds that come by themselves and those that
// somebody commands. Both go through one queue, so a job is never asked about
// twice at once and a provider's bound holds for both together.

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.polling"};

/// Of what a provider calls a status.
constexpr size_t raw_status_size_max = 100;

/// Jobs that one command may name.
constexpr size_t job_ids_max = 500;

/// Commands under way at once. One more is refused.
constexpr size_t commands_max = 100;

} // namespace

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
  const auto now = self->clock().now();
  const bool for_all = std::exchange(full, false);
  if (for_all) {
    using std::chrono::milliseconds;
    settings.counts->poll_cycles.add();
    settings.counts->poll_lag_ms.set(
      std::chrono::duration_cast<milliseconds>(now - full_since).count());
  }
  meet_strangers(active);
  drop_finished(active);
  const auto number = ++last_round;
  rounds[number] = {.ctx = ctx, .open = 1};
  for (const auto* x :
       ledger.choose(active, decision, now, settings.out.now(), for_all))
    enqueue(*x, number);
  leave_round(number, false);
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
    leave_rounds(x, false);
}

bool job_poller_state::enqueue(const job& x, uint64_t number) {
  if (x.external_id.empty()) {
    const log_context scope{context_of(x)};
    log.debug("Skipping sync for job {} - no valid external ID", x.id);
    return false;
  }
  if (!queue.add({context_of(x), x.id, x.provider, x.external_id,
                  x.hardware_profile, x.status, number}))
    return false;
  ++rounds.at(number).open;
  return true;
}

void job_poller_state::ask_next(const std::string& provider) {
  while (auto x = queue.next(provider)) {
    settings.counts->polls.add();
    self->ask(
      gateway, settings.provider_timeout,
      get_provider_job{x->ctx, x->provider, x->external_id,
                       x->hardware_profile},
      [this, x = *x](const provider_job_found& y) { apply(x, y.seen); },
      [this, x = *x](const caf::error& err) { give_up(x, err); });
  }
}

void job_poller_state::apply(const due_job& x, const provider_job& seen) {
  failing.erase(x.provider);
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
  settings.counts->poll_failures.add();
  log.debug("Failed to sync job {}: {}", x.id, render(err));
  if (code_of(err) == ec::provider_unavailable
      && failing.insert(x.provider).second)
    log.error("Failed to sync jobs for provider {}: {}", x.provider,
              render(err));
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
  leave_rounds(x, synced);
  ask_next(x.provider);
}

void job_poller_state::leave_rounds(const due_job& x, bool synced) {
  leave_round(x.round, synced);
  const auto [begin, end] = joined.equal_range(x.id);
  std::for_each(begin, end,
                [&](const auto& y) { leave_round(y.second, synced); });
  joined.erase(begin, end);
}

void job_poller_state::leave_round(uint64_t number, bool synced) {
  auto i = rounds.find(number);
  if (i == rounds.end())
    return; // Its time was up.
  i->second.synced += synced ? 1 : 0;
  if (--i->second.open == 0)
    close(i);
}

void job_poller_state::close(std::map<uint64_t, round>::iterator i) {
  auto& [number, done] = *i;
  log_context scope{done.ctx};
  if (done.synced > 0)
    log.debug("Synced {} active jobs", done.synced);
  if (done.asker)
    done.asker->deliver(
      jobs_polled{done.ctx, static_cast<int64_t>(done.synced)});
  rounds.erase(i);
}

// -- steps of a command -------------------------------------------------------

caf::result<jobs_polled> job_poller_state::poll_now(const poll_jobs& command) {
  if (command.job_ids.size() > job_ids_max)
    return make_error(ec::validation_error, "at most 500 jobs at once");
  const auto under_way
    = std::count_if(rounds.begin(), rounds.end(),
                    [](const auto& x) { return x.second.asker.has_value(); });
  if (static_cast<size_t>(under_way) >= commands_max)
    return make_error(ec::overloaded, "too many jobs are being polled");
  auto promise = self->make_response_promise<jobs_polled>();
  const auto number = ++last_round;
  rounds[number] = {.ctx = command.ctx,
                    .open = 1,
                    .asker = promise,
                    .until = self->clock().now() + settings.provider_timeout};
  if (!minding)
    mind_commands();
  const std::set<std::string> wanted{command.job_ids.begin(),
                                     command.job_ids.end()};
  self->ask(
    store, settings.store_timeout, list_active_jobs{command.ctx},
    [this, number, wanted](const job_list& x) {
      ask_about(number, wanted, x.jobs);
    },
    [this, number](const caf::error& err) { refuse(number, err); });
  return promise;
}

void job_poller_state::ask_about(uint64_t number,
                                 const std::set<std::string>& wanted,
                                 const std::vector<job>& active) {
  if (rounds.count(number) == 0)
    return; // Its time was up.
  ledger.note(active, self->clock().now(), settings.out.now());
  for (const auto& x : active) {
    if (wanted.count(x.id) == 0 || enqueue(x, number) || !queue.holds(x.id))
      continue;
    // It is being asked already, or soon: that serves this one, too.
    joined.emplace(x.id, number);
    ++rounds.at(number).open;
  }
  leave_round(number, false);
  for (const auto& x : settings.providers)
    ask_next(x.name);
}

void job_poller_state::refuse(uint64_t number, const caf::error& err) {
  auto i = rounds.find(number);
  if (i == rounds.end())
    return;
  i->second.asker->deliver(err);
  rounds.erase(i);
}

void job_poller_state::mind_commands() {
  std::optional<time_point> next;
  const auto now = self->clock().now();
  for (auto i = rounds.begin(); i != rounds.end();) {
    const auto current = i++;
    if (!current->second.asker)
      continue;
    const auto until = current->second.until;
    if (until <= now)
      close(current);
    else
      next = next ? std::min(*next, until) : until;
  }
  minding = next.has_value();
  if (next)
    self->scheduled_send(self, *next, tick{command_tick});
}

} // namespace tunerd
