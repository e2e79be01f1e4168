#include "actors/job_poller/job_poller.hpp"

#include "actors/support/fault_point.hpp"

#include <algorithm>

// Questions to providers, and what is done with their answers. Rounds and
// commands share the lanes, so a job is never asked about twice at once and a
// provider's bound holds for both together.

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.polling"};

/// Of what a provider calls a status.
constexpr size_t raw_status_size_max = 100;

/// @returns whether the same question may be answered a little later: the
/// provider wants less, or our gateway does.
bool is_for_later(ec code) {
  return code == ec::provider_throttled || code == ec::overloaded
         || code == ec::worker_restarting;
}

} // namespace

// -- questions ----------------------------------------------------------------

void job_poller_state::ask_due() {
  const auto now = self->clock().now();
  std::optional<time_point> next;
  for (auto& [provider, lane] : lanes) {
    while (const auto x = lane.next_job(now))
      ask_about(*x);
    if (const auto page = lane.next_page(now))
      ask_for(*page);
    if (const auto due = lane.next_due(now))
      next = next ? std::min(*next, *due) : *due;
  }
  if (!next || (lanes_due && *lanes_due <= *next))
    return;
  lanes_due = next;
  self->scheduled_send(self, *next, tick{lane_tick});
}

void job_poller_state::mind_lanes() {
  if (lanes_due && *lanes_due <= self->clock().now())
    lanes_due.reset();
  ask_due();
}

void job_poller_state::ask_about(const due_job& x) {
  settings.counts->polls.add();
  ledger.note_asked(x.id, self->clock().now());
  self->ask(
    gateway, settings.provider_timeout,
    get_provider_job{context_of(x), x.provider, x.external_id,
                     x.hardware_profile},
    [this, x](const provider_job_found& y) { answered(x, y.seen); },
    [this, x](const caf::error& err) { give_up(x, err); });
}

void job_poller_state::ask_for(const list_provider_jobs& page) {
  self->ask(
    gateway, settings.provider_timeout, page,
    [this, provider = page.provider](const provider_job_page& x) {
      apply_page(provider, x);
    },
    [this, provider = page.provider](const caf::error& err) {
      give_up_page(provider, err);
    });
}

// -- answers ------------------------------------------------------------------

void job_poller_state::apply_page(const std::string& provider,
                                  const provider_job_page& page) {
  failing.erase(provider);
  const auto now = self->clock().now();
  auto& lane = lanes.at(provider);
  lane.succeeded();
  for (const auto& [subject, seen] : lane.read(page, now)) {
    settings.counts->polls.add();
    ledger.note_asked(subject.id, now);
    const log_context scope{context_of(subject)};
    apply(subject, seen);
  }
  ask_due();
}

void job_poller_state::give_up_page(const std::string& provider,
                                    const caf::error& err) {
  auto& lane = lanes.at(provider);
  const auto now = self->clock().now();
  settings.counts->poll_failures.add();
  log.debug("Cannot list the jobs of {}: {}", provider, render(err));
  if (is_for_later(code_of(err))) {
    lane.page_put_back(now);
  } else if (code_of(err) == ec::provider_unavailable) {
    say_failing(provider, err);
    leave_rounds(lane.page_refused());
  } else {
    lane.page_failed(now);
  }
  ask_due();
}

void job_poller_state::answered(const due_job& x, const provider_job& seen) {
  failing.erase(x.provider);
  lanes.at(x.provider).succeeded();
  if (apply(x, seen))
    ask_due();
}

bool job_poller_state::apply(const due_job& x, const provider_job& seen) {
  const auto raw = seen.raw_status.substr(0, raw_status_size_max);
  if (!seen.status && ledger.is_news(x.id, raw))
    log.warning("Unknown status '{}' for job {}, keeping {}", raw, x.id,
                to_string(x.status));
  const bool is_over = seen.status && is_terminal(*seen.status);
  const auto digest = is_over ? 0 : digest_of(seen);
  if (!is_over && ledger.is_stored(x.id, digest)) {
    conclude(x, true);
    return true;
  }
  fault_point("poller.before_apply");
  self->ask(
    store, settings.store_timeout,
    apply_status{context_of(x), x.id, seen, change_source::poll},
    [this, x, digest](const status_applied&) {
      ledger.note_stored(x.id, digest);
      finished(x, true);
    },
    [this, x](const caf::error& err) {
      settings.counts->poll_failures.add();
      log.debug("Failed to sync job {}: {}", x.id, render(err));
      finished(x, false); // The next round asks again.
    });
  return false;
}

void job_poller_state::give_up(const due_job& x, const caf::error& err) {
  auto& lane = lanes.at(x.provider);
  const auto code = code_of(err);
  settings.counts->poll_failures.add();
  log.debug("Failed to sync job {}: {}", x.id, render(err));
  if (code == ec::no_such_provider_job)
    return miss(x);
  if (code == ec::provider_throttled) {
    lane.put_back(x, self->clock().now());
    return ask_due();
  }
  if (code == ec::provider_unavailable) {
    say_failing(x.provider, err);
    leave_rounds(lane.refused());
  }
  finished(x, false); // The next round asks again.
}

void job_poller_state::miss(const due_job& x) {
  lanes.at(x.provider).succeeded();
  if (x.listed) { // It was there a moment ago.
    if (apply(x, *x.listed))
      ask_due();
    return;
  }
  ledger.note_stored(x.id, 0); // What it shows next is news.
  self->ask(
    store, settings.store_timeout, report_missing_job{context_of(x), x.id},
    [this, x](const status_applied&) { finished(x, false); },
    [this, x](const caf::error& err) {
      log.debug("Failed to sync job {}: {}", x.id, render(err));
      finished(x, false);
    });
}

void job_poller_state::say_failing(const std::string& provider,
                                   const caf::error& err) {
  if (failing.insert(provider).second)
    log.error("Failed to sync jobs for provider {}: {}", provider, render(err));
}

void job_poller_state::conclude(const due_job& x, bool synced) {
  lanes.at(x.provider).done(x);
  leave_rounds(x, synced);
}

void job_poller_state::finished(const due_job& x, bool synced) {
  conclude(x, synced);
  ask_due();
}

} // namespace tunerd
