#include "actors/replicate_simulator/replicate_model.hpp"

#include <algorithm>
#include <utility>

namespace tunerd::simulated {

namespace {

timestamp start_due(const prediction& made) {
  return made.created_at + made.what.becomes.queue;
}

/// @returns whether its lifetime ends before its run.
bool is_cut_short(const prediction& made) {
  const auto& what = made.what;
  return what.lifetime
         && *what.lifetime < what.becomes.queue + what.becomes.run;
}

timestamp end_due(const prediction& made) {
  return is_cut_short(made) ? made.created_at + *made.what.lifetime
                            : start_due(made) + made.what.becomes.run;
}

/// @returns what it becomes at its end.
prediction_status outcome_of(const prediction& made) {
  if (!is_cut_short(made))
    return made.what.becomes.outcome;
  return made.started_at ? prediction_status::canceled
                         : prediction_status::aborted;
}

} // namespace

replicate_model::replicate_model(random_source random, size_t predictions_max)
  : random_(std::move(random)), predictions_max_(predictions_max) {
}

// -- what is asked ------------------------------------------------------------

void replicate_model::note_submission(const submission& what) {
  for (auto* counts : tallies_of(what))
    ++counts->submissions;
}

prediction* replicate_model::create(const submission& what, timestamp now) {
  advance(now);
  if (predictions_.size() >= predictions_max_ && !make_room())
    return nullptr;
  const auto serial = ++last_serial_;
  auto& made = predictions_[serial];
  made = {.serial = serial,
          .id = new_id(serial),
          .what = what,
          .created_at = now_,
          .counted_in = tallies_of(what)};
  serials_.emplace(made.id, serial);
  for (auto* counts : made.counted_in) {
    ++counts->created;
    counts->active_max = std::max(counts->active_max, ++counts->active);
  }
  timeline_.insert({start_due(made), true, serial});
  timeline_.insert({end_due(made), false, serial});
  advance(now);
  return &made;
}

prediction* replicate_model::find(const std::string& id, timestamp now) {
  advance(now);
  const auto serial = serials_.find(id);
  return serial == serials_.end() ? nullptr : &predictions_.at(serial->second);
}

prediction* replicate_model::cancel(const std::string& id, timestamp now) {
  auto* made = find(id, now);
  if (made && !is_over(made->status))
    finish(*made, prediction_status::canceled, now_);
  return made;
}

void replicate_model::forget(const std::string& id, timestamp now) {
  auto* made = find(id, now);
  if (!made)
    return;
  if (!is_over(made->status))
    finish(*made, prediction_status::canceled, now_);
  const auto serial = made->serial;
  std::erase(changes_, serial);
  serials_.erase(id);
  predictions_.erase(serial);
}

std::vector<uint64_t> replicate_model::take_changes() {
  return std::exchange(changes_, {});
}

std::optional<timestamp> replicate_model::next_due() const {
  if (timeline_.empty())
    return std::nullopt;
  return timeline_.begin()->at;
}

prediction_page replicate_model::list(const list_query& query, timestamp now) {
  advance(now);
  prediction_page page;
  auto end = query.older_than ? predictions_.lower_bound(*query.older_than)
                              : predictions_.end();
  while (end != predictions_.begin()) {
    const auto& made = (--end)->second;
    if (query.created_after && made.created_at < *query.created_after)
      break; // Creation times rise with the serials.
    if (query.created_before && made.created_at >= *query.created_before)
      continue;
    page.more = page.results.size() == page_size;
    if (page.more)
      break;
    page.results.push_back(&made);
  }
  return page;
}

const tallies& replicate_model::counts(timestamp now) {
  advance(now);
  return tallies_;
}

// -- what happens -------------------------------------------------------------

void replicate_model::advance(timestamp now) {
  now_ = std::max(now_, now);
  while (!timeline_.empty() && timeline_.begin()->at <= now_) {
    const auto due = *timeline_.begin();
    auto& made = predictions_.at(due.serial);
    if (due.starts)
      begin(made, due.at);
    else
      finish(made, outcome_of(made), due.at);
  }
}

void replicate_model::begin(prediction& made, timestamp at) {
  timeline_.erase({at, true, made.serial});
  made.status = prediction_status::processing;
  made.started_at = at;
  if (made.what.tells_start && !made.what.webhook_url.empty())
    changes_.push_back(made.serial);
  for (auto* counts : made.counted_in)
    counts->running_max = std::max(counts->running_max, ++counts->running);
}

void replicate_model::finish(prediction& made, prediction_status outcome,
                             timestamp at) {
  for (auto* counts : made.counted_in) {
    counts->running -= made.started_at ? 1 : 0;
    --counts->active;
  }
  timeline_.erase({start_due(made), true, made.serial});
  timeline_.erase({end_due(made), false, made.serial});
  made.status = outcome;
  made.completed_at = at;
  if (made.what.tells_end && !made.what.webhook_url.empty())
    changes_.push_back(made.serial);
  // A run without duration ends in the moment in which it starts.
  if (!made.started_at && at >= start_due(made)
      && outcome != prediction_status::aborted)
    made.started_at = at;
}

bool replicate_model::make_room() {
  const auto oldest
    = std::find_if(predictions_.begin(), predictions_.end(),
                   [](const auto& x) { return is_over(x.second.status); });
  if (oldest == predictions_.end())
    return false;
  serials_.erase(oldest->second.id);
  predictions_.erase(oldest);
  return true;
}

// -- names and counts ---------------------------------------------------------

std::string replicate_model::new_id(uint64_t serial) {
  // 19 random characters, then the serial: unique whatever `random_` makes.
  std::string id;
  for (uint64_t bits = 0; id.size() < 19; bits >>= 5) {
    if (id.size() % 12 == 0)
      bits = random_();
    id += "0123456789abcdefghjkmnpqrstvwxyz"[bits & 31];
  }
  for (; id.size() < 26; serial >>= 5)
    id += "0123456789abcdefghjkmnpqrstvwxyz"[serial & 31];
  return id;
}

std::vector<tally*> replicate_model::tallies_of(const submission& what) {
  std::vector<tally*> result{&tallies_.total};
  const auto add = [&](auto& by, const std::string& marker) {
    if (marker.empty() || (by.size() >= predictions_max_ && !by.count(marker)))
      return;
    result.push_back(&by[marker]);
  };
  add(tallies_.by_user, what.user);
  add(tallies_.by_job, what.job);
  add(tallies_.by_input, what.fingerprint);
  return result;
}

} // namespace tunerd::simulated
