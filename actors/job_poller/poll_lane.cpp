#include "actors/job_poller/poll_lane.hpp"

#include <algorithm>
#include <utility>

namespace tunerd {

namespace {

using namespace std::chrono_literals;

/// So many are asked one by one rather than looked for: that tells more.
constexpr size_t singles_max = 100;

/// Sightings that may wait for the store before the next page is asked for.
constexpr size_t sighted_max = 500;

/// A provider that wanted less is left alone for 1 s x 2^n, at most this long.
constexpr caf::timespan pause_max = 30s;

/// So many refusals in a row mean all of us, not one job.
constexpr uint32_t refusals_max = 8;

/// No listing for 2^n turns, at most so many.
constexpr uint32_t turns_without_max = 16;

} // namespace

poll_lane::poll_lane(const polled_provider& provider)
  : provider_(provider.name),
    in_flight_max_(std::max(1, provider.max_in_flight)),
    has_list_(provider.has_list), allowed_(in_flight_max_) {
}

// -- turns --------------------------------------------------------------------

size_t poll_lane::begin_turn(const context& ctx, std::vector<due_job> due,
                             time_point now, caf::timespan window) {
  std::erase_if(due, [this](const auto& x) { return holds(x.id); });
  const auto count = due.size();
  const bool is_crowd = has_list_ && count > singles_max;
  if (is_crowd && listing_)
    return 0; // Seen on its pages already; the next turn lists them anew.
  turn_end_ = now + window;
  for (const auto& x : due)
    jobs_.try_emplace(x.id);
  if (is_crowd && turns_without_ > 0)
    --turns_without_;
  else if (is_crowd)
    begin_listing(ctx, due);
  wait(std::move(due), now, window);
  return count;
}

void poll_lane::begin_listing(const context& ctx, std::vector<due_job>& due) {
  listing_.emplace(ctx);
  std::vector<due_job> others;
  for (auto& x : due) {
    auto& where = jobs_.at(x.id).where;
    if (listing_->want(std::move(x)))
      where = place::wanted;
    else // Two jobs claim the same id there.
      others.push_back(std::move(x));
  }
  due = std::move(others);
  listed_ = listing_->wanted();
}

void poll_lane::wait(std::vector<due_job> jobs, time_point now,
                     caf::timespan window) {
  const auto count = static_cast<caf::timespan::rep>(jobs.size());
  caf::timespan::rep n = 0;
  for (auto& x : jobs) {
    const caf::timespan after{window.count() / count * n++};
    auto& known = jobs_.at(x.id);
    known = {place::waiting, waiting_.emplace(now + after, std::move(x))};
  }
}

void poll_lane::hasten(time_point now) {
  std::vector<due_job> jobs;
  for (auto& [due, x] : std::exchange(waiting_, {}))
    jobs.push_back(std::move(x));
  turn_end_ = now;
  wait(std::move(jobs), now, 0s);
}

std::vector<due_job> poll_lane::end_turn() {
  std::vector<due_job> result;
  for (auto& [due, x] : std::exchange(waiting_, {}))
    result.push_back(std::move(x));
  if (listing_)
    for (auto& x : listing_->rest())
      result.push_back(std::move(x));
  for (const auto& x : result)
    jobs_.erase(x.id);
  return result;
}

std::optional<due_job> poll_lane::drop_wanted(const due_job& x, place where) {
  if (where != place::wanted)
    return std::nullopt;
  return listing_->drop(x.external_id);
}

bool poll_lane::hurry(due_job x) {
  const auto [i, is_new] = jobs_.try_emplace(x.id);
  auto& known = i->second;
  if (!is_new) {
    if (known.where == place::waiting)
      x = std::move(waiting_.extract(known.at).mapped());
    else if (auto wanted = drop_wanted(x, known.where))
      x = std::move(*wanted);
    else
      return false; // It is being asked, or next.
  }
  known.where = place::hurried;
  hurried_.push_back(std::move(x));
  return is_new;
}

std::vector<due_job>
poll_lane::keep_only(const std::unordered_set<std::string_view>& active) {
  std::vector<due_job> dropped;
  if (listing_)
    dropped = listing_->keep_only(active);
  for (auto i = waiting_.begin(); i != waiting_.end();) {
    const auto current = i++;
    if (active.count(current->second.id) == 0)
      dropped.push_back(std::move(waiting_.extract(current).mapped()));
  }
  for (auto& x : std::exchange(hurried_, {}))
    if (active.count(x.id) > 0)
      hurried_.push_back(std::move(x));
    else
      dropped.push_back(std::move(x));
  for (const auto& x : dropped)
    jobs_.erase(x.id);
  return dropped;
}

// -- questions ----------------------------------------------------------------

bool poll_lane::may_ask(time_point now) const {
  return now >= paused_until_ && in_flight_ < allowed_;
}

std::optional<due_job> poll_lane::next_job(time_point now) {
  if (!may_ask(now))
    return std::nullopt;
  due_job result;
  if (!hurried_.empty()) {
    result = std::move(hurried_.front());
    hurried_.pop_front();
  } else if (!waiting_.empty() && waiting_.begin()->first <= now) {
    result = std::move(waiting_.extract(waiting_.begin()).mapped());
  } else {
    return std::nullopt;
  }
  jobs_.at(result.id).where = place::in_flight;
  ++in_flight_;
  return result;
}

std::optional<list_provider_jobs> poll_lane::next_page(time_point now) {
  mind_listing(now);
  if (!listing_ || page_in_flight_ || sighted_ >= sighted_max || !may_ask(now))
    return std::nullopt;
  page_in_flight_ = true;
  ++in_flight_;
  return listing_->question(provider_);
}

std::optional<poll_lane::time_point> poll_lane::next_due(time_point now) const {
  if (in_flight_ >= allowed_)
    return std::nullopt;
  std::optional<time_point> due;
  if (!waiting_.empty())
    due = waiting_.begin()->first;
  const auto wants_page
    = listing_ && !page_in_flight_ && sighted_ < sighted_max;
  if (!hurried_.empty() || wants_page)
    due = now;
  if (due)
    due = std::max({*due, paused_until_, now});
  return due;
}

// -- answers ------------------------------------------------------------------

void poll_lane::done(const due_job& x) {
  const auto found = jobs_.extract(x.id);
  if (found.mapped().where == place::sighted)
    --sighted_;
  else
    --in_flight_;
}

void poll_lane::succeeded() {
  setbacks_ = refusals_ = 0;
  allowed_ = std::min(in_flight_max_, allowed_ + 1);
}

void poll_lane::slow_down(time_point now) {
  if (now < paused_until_)
    return; // One of those that were under way when it began.
  allowed_ = std::max(1, allowed_ / 2);
  const caf::timespan pause = 1s * (1 << std::min(setbacks_++, 5u));
  paused_until_ = now + std::min(pause, pause_max);
}

void poll_lane::put_back(due_job x, time_point now) {
  slow_down(now);
  --in_flight_;
  jobs_.at(x.id).where = place::hurried;
  hurried_.push_front(std::move(x));
}

std::vector<due_job> poll_lane::refused() {
  if (++refusals_ < refusals_max)
    return {};
  allowed_ = 1;
  auto result = end_turn();
  for (auto& x : std::exchange(hurried_, {})) {
    jobs_.erase(x.id);
    result.push_back(std::move(x));
  }
  return result;
}

std::vector<due_job> poll_lane::page_refused() {
  page_in_flight_ = false;
  --in_flight_;
  refusals_ = refusals_max;
  return refused();
}

std::vector<sighting> poll_lane::read(const provider_job_page& page,
                                      time_point now) {
  page_in_flight_ = false;
  --in_flight_;
  std::vector<sighting> result;
  for (auto& x : listing_->read(page)) {
    auto& where = jobs_.at(x.subject.id).where;
    if (x.seen.status && is_terminal(*x.seen.status)) {
      where = place::hurried;
      x.subject.listed = std::make_shared<const provider_job>(x.seen);
      hurried_.push_back(std::move(x.subject));
      continue;
    }
    where = place::sighted;
    ++sighted_;
    result.push_back(std::move(x));
  }
  mind_listing(now);
  return result;
}

void poll_lane::mind_listing(time_point now) {
  if (!listing_ || page_in_flight_ || !listing_->is_over())
    return;
  end_listing(now, listing_->pages() + listing_->wanted() < listed_);
}

void poll_lane::end_listing(time_point now, bool was_cheap) {
  auto rest = listing_->rest();
  listing_.reset();
  if (was_cheap)
    bad_listings_ = 0;
  else
    turns_without_
      = std::min(1u << std::min(bad_listings_++, 10u), turns_without_max);
  const auto left = std::max<caf::timespan>(turn_end_ - now, 0s);
  wait(std::move(rest), now, left);
}

void poll_lane::page_failed(time_point now) {
  page_in_flight_ = false;
  --in_flight_;
  end_listing(now, false);
}

void poll_lane::page_put_back(time_point now) {
  slow_down(now);
  page_in_flight_ = false;
  --in_flight_;
}

// -- how it is ----------------------------------------------------------------

size_t poll_lane::late(time_point now) const {
  const auto end = waiting_.lower_bound(now);
  const auto overdue = std::distance(waiting_.begin(), end);
  return static_cast<size_t>(overdue) + (listing_ ? listing_->wanted() : 0);
}

} // namespace tunerd
