#include "actors/job_poller/job_poller.hpp"

#include <algorithm>
#include <utility>

// Somebody wants to know now how some jobs are.

namespace tunerd {

namespace {

/// Jobs that one command may name.
constexpr size_t job_ids_max = 500;

/// Commands under way at once. One more is refused.
constexpr size_t commands_max = 100;

} // namespace

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
      hurry(number, wanted, x.jobs);
    },
    [this, number](const caf::error& err) { refuse(number, err); });
  return promise;
}

void job_poller_state::hurry(uint64_t number,
                             const std::set<std::string>& wanted,
                             const std::vector<job>& active) {
  if (rounds.count(number) == 0)
    return; // Its time was up.
  ledger.note(active, self->clock().now(), settings.out.now());
  for (const auto& x : active) {
    if (wanted.count(x.id) == 0 || !can_ask(x))
      continue;
    // If it waits or is being asked already, that serves this one, too.
    if (!lanes.at(x.provider).hurry(due(x, number)))
      joined.emplace(x.id, number);
    ++rounds.at(number).open;
  }
  leave_round(number, false);
  ask_due();
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
