#include "actors/queue_scheduler/queue_scheduler.hpp"

#include <algorithm>

// How the index follows the store: everything once, page by page, then the rows
// that events name. Hints tell which; the log itself is read where a hint is
// missing, and behind the first page of a load.
//
// More events than can be followed wait in the log: it is read on only while
// few jobs are to be read again.

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.queue"};

constexpr int32_t events_per_page = 500;

} // namespace

void queue_scheduler_state::catch_up() {
  if (reading)
    return;
  if (self->clock().now() < reading_due)
    return wake_at(reading_due);
  if (stale)
    load();
  else if (missed && dirty.size() < reload_max)
    read_missed();
  else if (!dirty.empty() || heard > cursor)
    reload();
}

void queue_scheduler_state::load() {
  reading = true;
  self->ask(
    store, settings.store_timeout,
    load_queue{new_work(), loading ? loading->next : std::string{}},
    [this](const queue_snapshot& x) { take_loaded(x); },
    [this](const caf::error& err) { retry_reading(err); });
}

void queue_scheduler_state::take_loaded(const queue_snapshot& page) {
  reading = false;
  reading_failures = 0;
  if (!loading)
    begin_load(page);
  loading->next = page.next;
  if (!page.next.empty())
    catch_up(); // the store reads on while this page is taken
  take(page);
  if (page.next.empty())
    end_load(page);
}

void queue_scheduler_state::begin_load(const queue_snapshot& first) {
  loading = queue_load{first.cursor};
  renewed_at = caf::none;
  queue.begin_renewal();
  attempts.clear();
  dirty.clear();
}

void queue_scheduler_state::end_load(const queue_snapshot& last) {
  if (!std::exchange(loaded, true))
    log.info("Queue processing started");
  stale = false;
  cursor = heard = loading->cursor;
  loading = caf::none;
  renewed_at = last.cursor;
  missed = true; // hints that came meanwhile were not kept
  end_renewal();
  look();
  catch_up();
}

void queue_scheduler_state::end_renewal() {
  if (!renewed_at || cursor < *renewed_at)
    return;
  renewed_at = caf::none;
  queue.end_renewal();
  const auto has_left
    = [this](const auto& x) { return !queue.contains(x.first); };
  std::erase_if(setbacks, has_left);
  std::erase_if(accepted_at, has_left);
  std::erase_if(answered, has_left);
  std::erase_if(written, has_left);
  std::erase_if(refused, has_left);
  for (const auto& job_id : holds.holders())
    if (!queue.contains(job_id))
      holds.end(job_id, settings.world.now());
}

void queue_scheduler_state::read_missed() {
  reading = true;
  missed = false; // a hint may say otherwise before the answer is here
  self->ask(
    store, settings.store_timeout,
    read_events{new_work(), heard, events_per_page},
    [this](const event_page& x) { take_events(x); },
    [this](const caf::error& err) {
      missed = true;
      retry_reading(err);
    });
}

void queue_scheduler_state::take_events(const event_page& page) {
  reading = false;
  reading_failures = 0;
  if (page.events.size() >= static_cast<size_t>(events_per_page))
    missed = true;
  for (const auto& x : page.events) {
    heard = std::max(heard, x.id);
    if (!x.job_id.empty())
      mark_dirty(x.job_id);
  }
  if (page.oldest > cursor + 1 && page.head > cursor)
    stale = true; // what the log has dropped can only be loaded
  catch_up();
  answer_process();
}

void queue_scheduler_state::reload() {
  reading = true;
  std::vector<std::string> job_ids;
  while (!dirty.empty() && job_ids.size() < reload_max)
    job_ids.push_back(std::move(dirty.extract(dirty.begin()).value()));
  // Only with the last of them the index reflects what was heard.
  const auto target = dirty.empty() ? heard : cursor;
  self->ask(
    store, settings.store_timeout, reload_queue{new_work(), job_ids},
    [this, job_ids, target](const queue_snapshot& x) {
      take_rows(job_ids, target, x);
    },
    [this, job_ids](const caf::error& err) {
      dirty.insert(job_ids.begin(), job_ids.end());
      retry_reading(err);
    });
}

void queue_scheduler_state::take_rows(const std::vector<std::string>& job_ids,
                                      int64_t target,
                                      const queue_snapshot& snapshot) {
  reading = false;
  reading_failures = 0;
  std::set<std::string> left{job_ids.begin(), job_ids.end()};
  for (const auto& x : snapshot.entries)
    left.erase(x.job_id);
  for (const auto& job_id : job_ids)
    attempts.erase(job_id);
  for (const auto& job_id : left)
    forget(job_id);
  take(snapshot);
  cursor = std::max(cursor, target);
  end_renewal();
  look();
  catch_up();
}

void queue_scheduler_state::take(const queue_snapshot& snapshot) {
  queue.set_limits(snapshot.limits);
  for (const auto& x : snapshot.entries)
    queue.update(x);
  std::erase_if(put_off, [now = settings.world.now()](const auto& x) {
    return x.second <= now;
  });
  for (const auto& [job_id, until] : put_off) // which the rows do not say
    queue.postpone(job_id, until);
  // A snapshot from before the claim shows them waiting.
  for (const auto& job_id : claiming)
    queue.hold(job_id);
  for (const auto& [id, x] : in_flight)
    queue.hold(x.job_id);
  for (const auto& x : snapshot.attempts)
    if (!is_outdated(x)) {
      attempts[x.job_id].push_back(x);
      if (const auto i = written.find(x.job_id);
          i != written.end() && i->second.id == x.id)
        written.erase(i);
    }
}

bool queue_scheduler_state::is_outdated(const open_attempt& x) const {
  const auto i = written.find(x.job_id);
  if (i == written.end() || i->second.id != x.id || x.watched_since)
    return false;
  return x.state == attempt_state::claimed
         || (i->second.is_closed && x.state != attempt_state::accepted);
}

void queue_scheduler_state::retry_reading(const caf::error& err) {
  reading = false;
  reading_due = retry_at(reading_failures);
  if (reading_failures++ == 0) {
    if (loaded)
      log.error("Error in queue processing: {}", render(err));
    else
      log.error("Failed to start queue processing: {}", render(err));
  }
  catch_up();
}

void queue_scheduler_state::mark_dirty(const std::string& job_id) {
  dirty.insert(job_id);
}

void queue_scheduler_state::forget(const std::string& job_id) {
  queue.erase(job_id);
  setbacks.erase(job_id);
  accepted_at.erase(job_id);
  answered.erase(job_id);
  written.erase(job_id);
  refused.erase(job_id);
  holds.end(job_id, settings.world.now());
}

} // namespace tunerd
