#include "actors/queue_scheduler/job_queue.hpp"

#include <algorithm>
#include <limits>

namespace tunerd {

namespace {

constexpr int32_t level_step = 10;
/// Waiting lifts nobody above this.
constexpr int32_t risen_max = 40;
constexpr size_t holders_max = 100;

} // namespace

int32_t effective_priority(int32_t base, caf::timespan waited,
                           caf::timespan threshold) {
  if (base > risen_max || waited < threshold)
    return base;
  const auto risen
    = static_cast<int64_t>(base) + waited / threshold * level_step;
  return static_cast<int32_t>(std::min<int64_t>(risen, risen_max));
}

// -- parts
// ---------------------------------------------------------------------

struct job_queue::scope {
  kind what = kind::user;
  std::string name = {};
  int64_t held = 0;
  /// Providers only: how many more may be chosen.
  caf::optional<int64_t> room = caf::none;
  /// Lanes that name this scope.
  size_t lanes = 0;
  group parked = {};
};

struct job_queue::lane {
  lane_key key;
  std::vector<scope*> scopes;
  group* in = nullptr;
  /// Waiting, delayed and holding jobs.
  size_t jobs = 0;
  levels<std::map<place, item*>> waiting = {};
};

struct job_queue::item {
  enum class state : uint8_t { waiting, delayed, holding };
  queue_entry entry;
  lane* in = nullptr;
  state is = state::waiting;
  place at() const {
    return {entry.queued_at, entry.row};
  }
};

job_queue::job_queue(caf::timespan threshold)
  : threshold_(threshold), free_(std::make_unique<group>()) {
}

job_queue::~job_queue() = default;
job_queue::job_queue(job_queue&&) noexcept = default;
job_queue& job_queue::operator=(job_queue&&) noexcept = default;

// -- limits
// --------------------------------------------------------------------

void job_queue::set_limits(const queue_limits& limits) {
  limits_ = limits;
  for (auto& [key, subject] : scopes_)
    check(subject);
}

void job_queue::set_room(const std::string& provider, int64_t room) {
  auto& subject = scopes_[{kind::provider, provider}];
  subject.what = kind::provider;
  subject.name = provider;
  subject.room = room;
  check(subject);
}

int64_t job_queue::limit_of(kind what) const {
  switch (what) {
    case kind::user: return limits_.user_max_concurrent;
    case kind::team:
      return limits_.enable_fair_share ? limits_.team_max_concurrent : 0;
    case kind::org: return limits_.org_max_concurrent;
    case kind::provider: return 0;
  }
  return 0;
}

bool job_queue::is_full() const {
  return limits_.max_concurrent > 0 && held() >= limits_.max_concurrent;
}

bool job_queue::is_full(const scope& subject) const {
  const auto limit = limit_of(subject.what);
  return (limit > 0 && subject.held >= limit)
         || (subject.room && *subject.room <= 0);
}

job_queue::scope* job_queue::full_scope(const lane& subject) const {
  auto i = std::find_if(subject.scopes.begin(), subject.scopes.end(),
                        [this](const scope* x) { return is_full(*x); });
  return i == subject.scopes.end() ? nullptr : *i;
}

void job_queue::check(scope& subject) {
  set_open(subject.parked, !is_full(subject));
}

// -- entries
// -------------------------------------------------------------------

void job_queue::update(const queue_entry& entry) {
  erase(entry.job_id);
  if (entry.status != queue_status::pending && !holds_slot(entry.status))
    return;
  auto& added = items_[entry.job_id];
  added.entry = entry;
  added.in = &enter_lane(entry);
  if (holds_slot(entry.status))
    start_holding(added);
  else
    start_waiting(added);
}

void job_queue::erase(const std::string& job_id) {
  auto i = items_.find(job_id);
  if (i == items_.end())
    return;
  if (i->second.is == item::state::holding)
    stop_holding(i->second);
  else
    stop_waiting(i->second);
  leave_lane(*i->second.in);
  items_.erase(i);
}

void job_queue::clear() {
  while (!items_.empty()) {
    const auto job_id = items_.begin()->first; // erase destroys its key
    erase(job_id);
  }
}

const queue_entry* job_queue::find(const std::string& job_id) const {
  auto i = items_.find(job_id);
  return i == items_.end() ? nullptr : &i->second.entry;
}

void job_queue::hold(const std::string& job_id) {
  auto i = items_.find(job_id);
  if (i == items_.end() || i->second.is == item::state::holding)
    return;
  stop_waiting(i->second);
  start_holding(i->second);
}

void job_queue::postpone(const std::string& job_id, timestamp until) {
  auto i = items_.find(job_id);
  if (i == items_.end() || i->second.is == item::state::holding
      || i->second.entry.not_before >= until)
    return;
  stop_waiting(i->second);
  i->second.entry.not_before = until;
  start_waiting(i->second);
}

size_t job_queue::waiting() const {
  return items_.size() - holding_.size();
}

int64_t job_queue::held() const {
  return static_cast<int64_t>(holding_.size());
}

caf::optional<timestamp> job_queue::next_due() const {
  if (delayed_.empty())
    return caf::none;
  return delayed_.begin()->first;
}

// -- waiting and holding
// -------------------------------------------------------

void job_queue::start_waiting(item& x) {
  ranks_[x.entry.priority].insert(x.at());
  if (x.entry.not_before > timestamp{}) {
    // `choose` knows the time and lets it go.
    x.is = item::state::delayed;
    delayed_.emplace(x.entry.not_before, x.entry.job_id);
  } else {
    enqueue(x);
  }
}

void job_queue::stop_waiting(item& x) {
  auto rank = ranks_.find(x.entry.priority);
  rank->second.erase(x.at());
  if (rank->second.empty())
    ranks_.erase(rank);
  if (x.is == item::state::delayed)
    delayed_.erase({x.entry.not_before, x.entry.job_id});
  else
    dequeue(x);
}

void job_queue::start_holding(item& x) {
  x.is = item::state::holding;
  holding_.emplace(x.at(), &x);
  for (auto* subject : x.in->scopes) {
    ++subject->held;
    check(*subject);
  }
}

void job_queue::stop_holding(item& x) {
  holding_.erase(x.at());
  for (auto* subject : x.in->scopes) {
    --subject->held;
    check(*subject);
  }
}

void job_queue::release_due(timestamp now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    auto& due = items_.at(delayed_.begin()->second);
    delayed_.erase(delayed_.begin());
    enqueue(due);
  }
}

// -- lanes and groups
// ----------------------------------------------------------

job_queue::scope* job_queue::enter_scope(kind what, const std::string& name) {
  auto& subject = scopes_[{what, name}];
  subject.what = what;
  subject.name = name;
  ++subject.lanes;
  check(subject);
  return &subject;
}

void job_queue::leave_scope(scope* from) {
  if (--from->lanes == 0 && !from->room)
    scopes_.erase({from->what, from->name});
}

job_queue::lane& job_queue::enter_lane(const queue_entry& entry) {
  lane_key key{entry.org_id, entry.team_id, entry.user_id, entry.provider};
  auto [i, added] = lanes_.try_emplace(key);
  auto& result = i->second;
  ++result.jobs;
  if (!added)
    return result;
  result.key = std::move(key);
  result.in = free_.get();
  // Nearest first.
  result.scopes = {enter_scope(kind::user, entry.user_id)};
  if (!entry.team_id.empty()) // an empty team or org is none
    result.scopes.push_back(
      enter_scope(kind::team, entry.org_id + '\n' + entry.team_id));
  if (!entry.org_id.empty())
    result.scopes.push_back(enter_scope(kind::org, entry.org_id));
  result.scopes.push_back(enter_scope(kind::provider, entry.provider));
  return result;
}

void job_queue::leave_lane(lane& from) {
  if (--from.jobs > 0)
    return;
  for (auto* subject : from.scopes)
    leave_scope(subject);
  lanes_.erase(lane_key{from.key}); // a copy: erase destroys the original
}

void job_queue::enqueue(item& x) {
  x.is = item::state::waiting;
  auto& jobs = x.in->waiting[x.entry.priority];
  const auto added = jobs.emplace(x.at(), &x).first;
  if (added != jobs.begin())
    return;
  if (jobs.size() > 1)
    remove_head(*x.in->in, x.entry.priority, std::next(jobs.begin())->first);
  add_head(*x.in->in, x.entry.priority, x.at(), *x.in);
}

void job_queue::dequeue(item& x) {
  auto level = x.in->waiting.find(x.entry.priority);
  auto& jobs = level->second;
  const auto i = jobs.find(x.at());
  const auto first = i == jobs.begin();
  jobs.erase(i);
  if (first)
    remove_head(*x.in->in, x.entry.priority, x.at());
  if (first && !jobs.empty())
    add_head(*x.in->in, x.entry.priority, jobs.begin()->first, *x.in);
  if (jobs.empty())
    x.in->waiting.erase(level);
}

void job_queue::add_head(group& to, int32_t level, place at, lane& subject) {
  auto& heads = to.heads[level];
  const auto added = heads.emplace(at, &subject).first;
  if (added != heads.begin() || !to.open)
    return;
  if (heads.size() > 1)
    front_[level].erase(std::next(heads.begin())->first);
  front_[level].emplace(at, &to);
}

void job_queue::remove_head(group& from, int32_t level, place at) {
  auto in_level = from.heads.find(level);
  auto& heads = in_level->second;
  const auto i = heads.find(at);
  const auto first = i == heads.begin();
  heads.erase(i);
  if (first && from.open) {
    auto in_front = front_.find(level);
    in_front->second.erase(at);
    if (!heads.empty())
      in_front->second.emplace(heads.begin()->first, &from);
    if (in_front->second.empty())
      front_.erase(in_front);
  }
  if (heads.empty())
    from.heads.erase(in_level);
}

void job_queue::move_lane(lane& subject, group& to) {
  for (const auto& [level, jobs] : subject.waiting) {
    remove_head(*subject.in, level, jobs.begin()->first);
    add_head(to, level, jobs.begin()->first, subject);
  }
  subject.in = &to;
}

void job_queue::set_open(group& subject, bool open) {
  if (subject.open == open)
    return;
  subject.open = open;
  for (const auto& [level, heads] : subject.heads) {
    auto& in_front = front_[level];
    if (open)
      in_front.emplace(heads.begin()->first, &subject);
    else
      in_front.erase(heads.begin()->first);
    if (in_front.empty())
      front_.erase(level);
  }
}

// -- choosing
// ------------------------------------------------------------------

std::vector<std::string> job_queue::choose(timestamp now, size_t max) {
  release_due(now);
  std::vector<std::string> result;
  while (result.size() < max && !is_full()) {
    auto* next = best(now);
    if (next == nullptr)
      break;
    if (auto* stop = full_scope(*next->in)) {
      move_lane(*next->in, stop->parked);
      continue;
    }
    result.push_back(next->entry.job_id);
    stop_waiting(*next);
    for (auto* subject : next->in->scopes)
      if (subject->room)
        --*subject->room;
    start_holding(*next);
  }
  return result;
}

// The order among equals is decided here and nowhere else: fair share replaces
// "the older place" by its rotation.
job_queue::item* job_queue::best(timestamp now) const {
  const group* winner = nullptr;
  int32_t level = 0;
  auto found = std::make_pair(std::numeric_limits<int32_t>::min(), place{});
  for (const auto& [base, groups] : front_) {
    const auto at = groups.begin()->first;
    const auto rank = effective_priority(base, now - at.first, threshold_);
    if (rank < found.first || (rank == found.first && found.second < at))
      continue;
    winner = groups.begin()->second;
    level = base;
    found = {rank, at};
  }
  if (winner == nullptr)
    return nullptr;
  const auto& first = *winner->heads.at(level).begin()->second;
  return first.waiting.at(level).begin()->second;
}

std::string job_queue::why_none() const {
  if (waiting() == 0)
    return "No pending jobs in queue";
  if (is_full())
    return "Global limit reached (" + std::to_string(held()) + "/"
           + std::to_string(limits_.max_concurrent) + ")";
  std::set<kind> stops;
  for (const auto& [key, subject] : scopes_)
    if (!subject.parked.open && !subject.parked.heads.empty())
      stops.insert(subject.what);
  if (stops.count(kind::user) > 0)
    return "All pending jobs are held by per-user concurrency limits";
  if (stops.count(kind::team) > 0)
    return "All pending jobs are held by team concurrency limits";
  if (stops.count(kind::org) > 0)
    return "All pending jobs are held by org concurrency limits";
  if (stops.count(kind::provider) > 0)
    return "All pending jobs wait for their provider";
  return "All pending jobs wait for their next attempt";
}

// -- reasons
// --------------------------------------------------------------------

int64_t job_queue::slots() const {
  return std::max(limits_.max_concurrent, 0);
}

std::vector<queue_constraint>
job_queue::full_limits(const std::string& job_id) const {
  std::vector<queue_constraint> result;
  const auto i = items_.find(job_id);
  if (i == items_.end() || i->second.is == item::state::holding)
    return result;
  const auto add
    = [&](const scope* stop, std::string name, int64_t limit, int64_t used) {
        result.push_back({.kind = "limit",
                          .scope = std::move(name),
                          .limit = limit,
                          .used = used,
                          .holders = holders_of(stop)});
      };
  for (const auto* x : i->second.in->scopes) {
    if (!is_full(*x))
      continue;
    switch (x->what) {
      case kind::user: add(x, "user", limit_of(x->what), x->held); break;
      case kind::team: add(x, "team", limit_of(x->what), x->held); break;
      case kind::org: add(x, "org", limit_of(x->what), x->held); break;
      case kind::provider:
        result.push_back({.kind = "limit", .scope = "provider"});
    }
  }
  if (is_full())
    add(nullptr, "global", slots(), held());
  return result;
}

/// @param subject None: the slots of all.
std::vector<std::string> job_queue::holders_of(const scope* subject) const {
  std::vector<std::string> result;
  for (const auto& [at, x] : holding_) {
    const auto& scopes = x->in->scopes;
    if (subject == nullptr
        || std::find(scopes.begin(), scopes.end(), subject) != scopes.end())
      result.push_back(x->entry.job_id);
    if (result.size() == holders_max)
      break;
  }
  return result;
}

// -- position
// ------------------------------------------------------------------

int64_t job_queue::position(const std::string& job_id, timestamp now) const {
  auto i = items_.find(job_id);
  if (i == items_.end() || i->second.is == item::state::holding)
    return 0;
  const auto& entry = i->second.entry;
  const auto effective
    = effective_priority(entry.priority, now - entry.queued_at, threshold_);
  int64_t result = 1;
  for (const auto& [level, jobs] : ranks_)
    result += count_ahead(level, jobs, effective, i->second.at(), now);
  return result;
}

// Who is ahead within one level: those that rank higher, and those that rank
// equal and came earlier. Both are the oldest so many of the level.
int64_t job_queue::count_ahead(int32_t level, const ranking& jobs,
                               int32_t effective, place at,
                               timestamp now) const {
  constexpr auto row_max = std::numeric_limits<int64_t>::max();
  const auto everyone = place{timestamp::max(), row_max};
  const auto nobody = place{timestamp::min(), 0};
  // The place before which all jobs of this level have at least `wanted`.
  const auto reaching = [&](int32_t wanted) -> place {
    if (level >= wanted)
      return everyone;
    if (level > risen_max || wanted > risen_max)
      return nobody;
    const auto steps = (wanted - level + level_step - 1) / level_step;
    return {now - steps * threshold_, row_max};
  };
  const auto count = jobs.order_of_key(
    std::max(reaching(effective + 1), std::min(reaching(effective), at)));
  return static_cast<int64_t>(count);
}

} // namespace tunerd
