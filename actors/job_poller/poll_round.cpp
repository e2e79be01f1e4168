#include "actors/job_poller/job_poller.hpp"

#include <algorithm>
#include <utility>

// The rounds: those that come by themselves, and what becomes of every round
// once its jobs were asked.

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.polling"};

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
  meet_strangers(active);
  drop_finished(active);
  caf::timespan window{0};
  if (for_all) {
    using std::chrono::milliseconds;
    settings.counts->poll_cycles.add();
    settings.counts->poll_lag_ms.set(
      std::chrono::duration_cast<milliseconds>(now - full_since).count());
    if (full_rounds > 0)
      say_who_is_late();
    window = spread_of(full_rounds++, settings.polling.get()->interval);
  }
  const auto number = ++last_round;
  rounds[number] = {.ctx = ctx, .open = 1};
  begin_turns(number,
              ledger.choose(active, decision, now, settings.out.now(), for_all),
              window);
  leave_round(number, false);
  ask_due();
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
  std::unordered_set<std::string_view> ids;
  ids.reserve(active.size());
  for (const auto& x : active)
    ids.insert(x.id);
  for (auto& [provider, lane] : lanes)
    leave_rounds(lane.keep_only(ids));
}

void job_poller_state::say_who_is_late() {
  const auto interval = settings.polling.get()->interval.count();
  for (const auto& [provider, lane] : lanes) {
    const auto left = lane.late(self->clock().now());
    if (left == 0)
      late.erase(provider);
    else if (late.insert(provider).second)
      log.warning("Polling {} takes longer than the interval of {}s, {} jobs "
                  "are late",
                  provider, interval, left);
  }
}

void job_poller_state::begin_turns(uint64_t number,
                                   const std::vector<const job*>& chosen,
                                   caf::timespan window) {
  std::map<std::string, std::vector<due_job>> turns;
  for (const auto* x : chosen)
    if (can_ask(*x))
      turns[x->provider].push_back(due(*x, number));
  for (auto& [provider, lane] : lanes) {
    auto& current = rounds.at(number);
    current.open += lane.begin_turn(current.ctx, std::move(turns[provider]),
                                    self->clock().now(), window);
  }
}

bool job_poller_state::can_ask(const job& x) const {
  if (x.external_id.empty()) {
    const log_context scope{context_of(x)};
    log.debug("Skipping sync for job {} - no valid external ID", x.id);
    return false;
  }
  return lanes.count(x.provider) > 0;
}

// -- the end of a round -------------------------------------------------------

void job_poller_state::leave_rounds(const due_job& x, bool synced) {
  leave_round(x.round, synced);
  const auto [begin, end] = joined.equal_range(x.id);
  std::vector<uint64_t> others;
  for (auto i = begin; i != end; ++i)
    others.push_back(i->second);
  joined.erase(begin, end); // first: the end of a round changes it, too
  for (const auto number : others)
    leave_round(number, synced);
}

void job_poller_state::leave_rounds(const std::vector<due_job>& xs) {
  for (const auto& x : xs)
    leave_rounds(x, false);
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
  std::erase_if(joined, [n = number](const auto& x) { return x.second == n; });
  rounds.erase(i);
}

} // namespace tunerd
