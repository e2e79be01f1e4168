#include "actors/queue_scheduler/job_queue.hpp"

namespace tunerd {

job_queue::job_queue(caf::timespan threshold) : lanes_(threshold) {
}

void job_queue::set_limits(const queue_limits& limits) {
  lanes_.set_limits(limits);
}

void job_queue::set_room(const std::string& provider, int64_t room) {
  lanes_.set_room(provider, room);
}

// -- entries ------------------------------------------------------------------

uint32_t job_queue::number_of(const std::string& job_id) const {
  return numbers_.find(
    job_id, [&](uint32_t number) { return at(number).job_id == job_id; });
}

void job_queue::grow() {
  const auto first = static_cast<uint32_t>(items_.size() * block_size);
  items_.push_back(std::make_unique<item[]>(block_size));
  for (auto i = block_size; i > 0; --i)
    free_.push_back(first + i - 1);
}

job_queue::item& job_queue::at(uint32_t number) {
  return items_[number / block_size][number % block_size];
}

const job_queue::item& job_queue::at(uint32_t number) const {
  return items_[number / block_size][number % block_size];
}

uint32_t job_queue::add(const std::string& job_id) {
  if (free_.empty())
    grow();
  const auto number = free_.back();
  free_.pop_back();
  at(number).job_id = job_id;
  numbers_.insert(job_id, number);
  return number;
}

bool job_queue::says_the_same(const item& x, const queue_entry& entry) const {
  return x.lane != nullptr
         && holds_slot(entry.status) == (x.is == state::holding)
         && x.row == entry.row && x.queued_at == entry.queued_at
         && x.not_before == entry.not_before && x.priority == entry.priority
         && x.lane->there->name == entry.provider
         && x.lane->user->user_id == entry.user_id
         && x.lane->whose->above->name == entry.team_id
         && x.lane->whose->above->above->name == entry.org_id;
}

void job_queue::write(item& x, const queue_entry& entry) {
  x.correlation_id = entry.correlation_id;
  x.row = entry.row;
  x.queued_at = entry.queued_at;
  x.not_before = entry.not_before;
  x.priority = entry.priority;
  x.status = entry.status;
}

void job_queue::update(const queue_entry& entry) {
  if (entry.status != queue_status::pending && !holds_slot(entry.status))
    return erase(entry.job_id);
  auto number = number_of(entry.job_id);
  if (number == id_index::nobody)
    number = add(entry.job_id);
  auto& x = at(number);
  x.seen = renewal_;
  if (says_the_same(x, entry))
    return write(x, entry);
  auto* before = x.lane;
  auto& lane = lanes_.enter(entry); // first, so that its parties stay
  if (before != nullptr) {
    stop(number);
    lanes_.leave(*before);
  }
  write(x, entry);
  x.lane = &lane;
  start(number);
}

void job_queue::erase(const std::string& job_id) {
  const auto number = number_of(job_id);
  if (number == id_index::nobody)
    return;
  auto& x = at(number);
  stop(number);
  lanes_.leave(*x.lane);
  numbers_.erase(x.job_id, number);
  x = {};
  free_.push_back(number);
}

void job_queue::begin_renewal() {
  ++renewal_;
}

void job_queue::end_renewal() {
  for (const auto& block : items_)
    for (uint32_t i = 0; i < block_size; ++i)
      if (block[i].is != state::free && block[i].seen != renewal_)
        erase(std::string{block[i].job_id}); // erase destroys it
}

bool job_queue::contains(const std::string& job_id) const {
  return number_of(job_id) != id_index::nobody;
}

caf::optional<queue_entry> job_queue::find(const std::string& job_id) const {
  const auto number = number_of(job_id);
  if (number == id_index::nobody)
    return caf::none;
  const auto& x = at(number);
  const auto& team = *x.lane->whose->above;
  return queue_entry{.job_id = x.job_id,
                     .row = x.row,
                     .provider = x.lane->there->name,
                     .user_id = x.lane->user->user_id,
                     .org_id = team.above->name,
                     .team_id = team.name,
                     .status = x.status,
                     .priority = x.priority,
                     .queued_at = x.queued_at,
                     .not_before = x.not_before,
                     .correlation_id = x.correlation_id};
}

const job_queue::item*
job_queue::find_waiting(const std::string& job_id) const {
  const auto number = number_of(job_id);
  if (number == id_index::nobody || at(number).is == state::holding)
    return nullptr;
  return &at(number);
}

void job_queue::hold(const std::string& job_id) {
  if (find_waiting(job_id) == nullptr)
    return;
  const auto number = number_of(job_id);
  stop_waiting(number);
  start_holding(number);
}

void job_queue::postpone(const std::string& job_id, timestamp until) {
  const auto* found = find_waiting(job_id);
  if (found == nullptr || found->not_before >= until)
    return;
  const auto number = number_of(job_id);
  stop_waiting(number);
  at(number).not_before = until;
  start_waiting(number);
}

size_t job_queue::waiting() const {
  return items_.size() * block_size - free_.size() - holding_.size();
}

int64_t job_queue::held() const {
  return lanes_.held();
}

caf::optional<timestamp> job_queue::next_due() const {
  if (delayed_.empty())
    return caf::none;
  return delayed_.begin()->first;
}

// -- waiting and holding ------------------------------------------------------

void job_queue::start(uint32_t number) {
  if (holds_slot(at(number).status))
    start_holding(number);
  else
    start_waiting(number);
}

void job_queue::stop(uint32_t number) {
  auto& x = at(number);
  if (x.is != state::holding)
    return stop_waiting(number);
  holding_.erase(x.at());
  lanes_.release(*x.lane);
}

void job_queue::start_waiting(uint32_t number) {
  auto& x = at(number);
  levels_[x.priority].insert(x.at(), number);
  if (x.not_before > timestamp{}) {
    // `choose` knows the time and lets it go.
    x.is = state::delayed;
    delayed_.emplace(x.not_before, number);
    lanes_.add_delayed(*x.lane, x.priority, x.at(), number);
  } else {
    x.is = state::waiting;
    lanes_.add(*x.lane, x.priority, x.at(), number);
  }
}

void job_queue::stop_waiting(uint32_t number) {
  auto& x = at(number);
  forget_rank(x);
  if (x.is == state::delayed) {
    delayed_.erase({x.not_before, number});
    lanes_.remove_delayed(*x.lane, x.priority, x.at());
  } else {
    lanes_.remove(*x.lane, x.priority, x.at());
  }
}

void job_queue::forget_rank(const item& x) {
  const auto i = levels_.find(x.priority);
  i->second.erase(x.at());
  if (i->second.empty())
    levels_.erase(i);
}

void job_queue::start_holding(uint32_t number) {
  auto& x = at(number);
  x.is = state::holding;
  holding_.insert(x.at(), number);
  lanes_.hold(*x.lane);
}

void job_queue::release_due(timestamp now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    const auto number = delayed_.begin()->second;
    auto& x = at(number);
    delayed_.erase(delayed_.begin());
    lanes_.remove_delayed(*x.lane, x.priority, x.at());
    x.is = state::waiting;
    lanes_.add(*x.lane, x.priority, x.at(), number);
  }
}

// -- choosing -----------------------------------------------------------------

std::vector<std::string> job_queue::choose(timestamp now, size_t max) {
  lanes_.advance(now);
  release_due(now);
  std::vector<std::string> result;
  while (result.size() < max) {
    auto* lane = lanes_.best();
    if (lane == nullptr)
      break;
    const auto number = lane->head.item;
    auto& x = at(number);
    lanes_.take(*lane);
    forget_rank(x);
    x.is = state::holding;
    holding_.insert(x.at(), number);
    result.push_back(x.job_id);
  }
  return result;
}

// -- position -----------------------------------------------------------------

int64_t job_queue::position(const std::string& job_id, timestamp now) const {
  const auto* x = find_waiting(job_id);
  if (x == nullptr)
    return 0;
  return standings{lanes_, levels_, now}.position(
    {x->lane, x->priority, x->at()});
}

std::map<std::string, int64_t>
job_queue::positions(const std::vector<std::string>& job_ids,
                     timestamp now) const {
  std::map<std::string, int64_t> result;
  standings now_standing{lanes_, levels_, now};
  for (const auto& job_id : job_ids)
    if (const auto* x = find_waiting(job_id))
      result.emplace(job_id,
                     now_standing.position({x->lane, x->priority, x->at()}));
  return result;
}

} // namespace tunerd
