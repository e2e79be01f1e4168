#include "actors/queue_scheduler/lanes.hpp"

#include <algorithm>
#include <tuple>

namespace tunerd {

namespace {

auto acting(const queue_limits& x) {
  return std::tie(x.max_concurrent, x.user_max_concurrent,
                  x.team_max_concurrent, x.org_max_concurrent,
                  x.provider_max_concurrent, x.enable_fair_share);
}

bool is_reached(int64_t limit, int64_t held) {
  return limit > 0 && held >= limit;
}

lane_level& level_of(seat& lane, int32_t base) {
  for (auto& x : lane.levels)
    if (x.base == base)
      return x;
  return lane.levels.emplace_back(lane_level{base});
}

void drop_if_empty(seat& lane, const lane_level& x) {
  if (x.ready.empty() && x.delayed.empty())
    lane.levels.erase(lane.levels.begin() + (&x - lane.levels.data()));
}

} // namespace

int32_t effective_priority(int32_t base, caf::timespan waited,
                           caf::timespan threshold) {
  if (base > risen_max || waited < threshold)
    return base;
  const auto risen
    = static_cast<int64_t>(base) + waited / threshold * level_step;
  return static_cast<int32_t>(std::min<int64_t>(risen, risen_max));
}

// -- limits -------------------------------------------------------------------

void lanes::set_limits(const queue_limits& limits) {
  const auto changed = acting(limits) != acting(limits_);
  limits_ = limits;
  if (changed)
    refresh_below(*all_);
}

void lanes::set_room(const std::string& provider, int64_t room) {
  provider_of(provider).room = room;
}

int64_t lanes::limit_of(const party& subject) const {
  switch (subject.what) {
    case party::kind::org: return limits_.org_max_concurrent;
    case party::kind::team:
      return limits_.enable_fair_share ? limits_.team_max_concurrent : 0;
    default: return 0;
  }
}

bool lanes::is_full() const {
  return is_reached(limits_.max_concurrent, held_);
}

bool lanes::is_full(const party& subject) const {
  return is_reached(limit_of(subject), subject.held);
}

bool lanes::is_full(const account& subject) const {
  return is_reached(limits_.user_max_concurrent, subject.held);
}

bool lanes::is_full(const provider_slots& subject) const {
  return is_reached(limits_.provider_max_concurrent, subject.held);
}

bool lanes::has_room(const provider_slots& subject) {
  return !subject.room || *subject.room > 0;
}

// -- coming and going ---------------------------------------------------------

provider_slots& lanes::provider_of(const std::string& name) {
  for (const auto& x : providers_)
    if (x->name == name)
      return *x;
  return *providers_.emplace_back(std::make_unique<provider_slots>(
    provider_slots{.name = name, .number = providers_.size()}));
}

party& lanes::part_of(party& above, party::kind what, const std::string& name) {
  auto& result = above.parts[name];
  if (!result) {
    const auto is_nobody = name.empty() && what != party::kind::user;
    result = std::make_unique<party>(
      party{.what = is_nobody ? party::kind::nobody : what,
            .above = &above,
            .taken = turns{++turn_},
            .name = name});
  }
  ++result->entries;
  return *result;
}

seat& lanes::seat_of(party& whose, seat* above, provider_slots& there) {
  if (whose.seats.size() <= there.number)
    whose.seats.resize(there.number + 1);
  auto& result = whose.seats[there.number];
  if (!result)
    result = std::make_unique<seat>(
      seat{.whose = &whose, .there = &there, .above = above});
  ++result->entries;
  return *result;
}

seat& lanes::enter(const queue_entry& entry) {
  auto& there = provider_of(entry.provider);
  auto& org = part_of(*all_, party::kind::org, entry.org_id);
  auto& team = part_of(org, party::kind::team, entry.team_id);
  auto& user = part_of(team, party::kind::user, entry.user_id);
  auto& of_org = seat_of(org, nullptr, there);
  auto& of_team = seat_of(team, &of_org, there);
  auto& lane = seat_of(user, &of_team, there);
  if (lane.user != nullptr)
    return lane;
  auto& known = accounts_[entry.user_id];
  if (!known)
    known = std::make_unique<account>(account{.user_id = entry.user_id});
  known->lanes.push_back(&lane);
  lane.user = known.get();
  return lane;
}

void lanes::leave(seat& lane) {
  if (lane.entries == 1) {
    rising_.remove(lane);
    auto& user = *lane.user;
    std::erase(user.lanes, &lane);
    if (user.lanes.empty())
      accounts_.erase(std::string{user.user_id}); // erase destroys its key
  }
  auto* whose = lane.whose;
  for (auto* x = &lane; x != nullptr;) {
    auto* above = x->above;
    if (--x->entries == 0)
      x->whose->seats[x->there->number].reset();
    x = above;
  }
  leave(*whose);
}

void lanes::leave(party& from) {
  if (from.above == nullptr)
    return;
  auto& above = *from.above;
  if (--from.entries == 0)
    above.parts.erase(std::string{from.name});
  leave(above);
}

// -- waiting and holding ------------------------------------------------------

void lanes::add(seat& lane, int32_t base, place at, uint32_t item) {
  level_of(lane, base).ready.insert(at, item);
  refresh(lane);
}

void lanes::remove(seat& lane, int32_t base, place at) {
  auto& from = level_of(lane, base);
  from.ready.erase(at);
  drop_if_empty(lane, from);
  refresh(lane);
}

void lanes::add_delayed(seat& lane, int32_t base, place at, uint32_t item) {
  level_of(lane, base).delayed.insert(at, item);
}

void lanes::remove_delayed(seat& lane, int32_t base, place at) {
  auto& from = level_of(lane, base);
  from.delayed.erase(at);
  drop_if_empty(lane, from);
}

lanes::turned lanes::count(seat& lane, int64_t holders) {
  held_ += holders;
  lane.there->held += holders;
  turned result;
  const auto add = [&](auto& subject, bool& has_turned) {
    const auto was_full = is_full(subject);
    subject.held += holders;
    has_turned |= is_full(subject) != was_full;
  };
  add(*lane.user, result.user);
  for (auto* x = lane.whose; x != nullptr; x = x->above)
    add(*x, result.parties);
  return result;
}

// Who has as much room as before stands where it stood.
void lanes::hold(seat& lane) {
  if (const auto full = count(lane, 1); full.user || full.parties)
    refresh_around(lane, full.user);
}

void lanes::release(seat& lane) {
  if (const auto full = count(lane, -1); full.user || full.parties)
    refresh_around(lane, full.user);
}

void lanes::take(seat& lane) {
  const auto head = lane.head;
  auto& from = level_of(lane, head.base);
  from.ready.erase(head.at);
  drop_if_empty(lane, from);
  if (lane.there->room)
    --*lane.there->room;
  if (limits_.enable_fair_share) {
    ++turn_;
    for (auto* x = lane.whose; x->above != nullptr; x = x->above)
      x->taken.take(head.priority, turn_);
  }
  refresh_around(lane, count(lane, 1).user);
}

// -- contests -----------------------------------------------------------------

lane_head lanes::head_of(const seat& lane) const {
  lane_head result;
  for (const auto& x : lane.levels) {
    if (x.ready.empty())
      continue;
    const auto& first = x.ready.front();
    const auto priority
      = effective_priority(x.base, now_ - first.at.first, threshold_);
    if (priority > result.priority
        || (priority == result.priority && first.at < result.at))
      result = {priority, first.at, x.base, first.item};
  }
  return result;
}

rank lanes::rank_of_lane(seat& lane) {
  auto next = timestamp::max();
  for (const auto& x : lane.levels) {
    if (x.ready.empty() || x.base >= risen_max)
      continue;
    const auto since = x.ready.front().at.first;
    const auto waited = now_ - since;
    const auto steps = waited < threshold_ ? 0 : waited / threshold_;
    if (x.base + steps * level_step < risen_max)
      next = std::min(next, since + (steps + 1) * threshold_);
  }
  if (next < lane.rises) { // else it is looked at too early, and again
    lane.rises = next;
    rising_.put(lane, {0, next.time_since_epoch().count(), 0});
  }
  lane.head = head_of(lane);
  const auto& head = lane.head;
  if (head.priority == rank::none)
    return {};
  if (limits_.enable_fair_share)
    return {head.priority, lane.whose->taken.at(head.priority), 0};
  return {head.priority, head.at.first.time_since_epoch().count(),
          head.at.second};
}

rank lanes::rank_of(seat& x) {
  if (x.user != nullptr)
    return x.levels.empty() || is_full(*x.user) ? rank{} : rank_of_lane(x);
  if (x.below.empty() || is_full(*x.whose))
    return {};
  auto result = x.below.best_rank();
  if (limits_.enable_fair_share)
    result.first = x.whose->taken.at(result.priority);
  return result;
}

bool lanes::stand_again(seat& x) {
  const auto now = rank_of(x);
  if (now == x.stands)
    return false;
  x.stands = now;
  auto& contest = x.above != nullptr ? x.above->below : x.there->orgs;
  if (now.takes_part())
    contest.put(x, now);
  else
    contest.remove(x);
  return true;
}

// What stands as before changes nothing above.
void lanes::refresh(seat& x) {
  if (stand_again(x) && x.above != nullptr)
    refresh(*x.above);
}

void lanes::refresh(party& subject) {
  for (const auto& x : subject.seats)
    if (x)
      refresh(*x);
}

void lanes::refresh_around(seat& lane, bool user_too) {
  for (auto* x = &lane; x != nullptr; x = x->above)
    stand_again(*x);
  if (user_too)
    for (auto* x : lane.user->lanes)
      refresh(*x);
  for (auto* x = &lane; x != nullptr; x = x->above)
    if (x->whose->seats.size() > 1) // at other providers too
      refresh(*x->whose);
}

void lanes::refresh_below(party& top) {
  for (const auto& [name, x] : top.parts)
    refresh_below(*x);
  refresh(top);
}

void lanes::advance(timestamp now) {
  const auto set_back = now < now_;
  now_ = now;
  if (set_back)
    refresh_below(*all_);
  while (!rising_.empty()
         && rising_.best_rank().first <= now.time_since_epoch().count()) {
    auto& due = rising_.best();
    rising_.remove(due);
    due.rises = timestamp::max();
    refresh(due);
  }
}

seat* lanes::best() const {
  if (is_full())
    return nullptr;
  // Whom the contests within two providers would let go first: they are told
  // apart where the parties part.
  const auto before = [](seat* x, seat* y) {
    for (;;) {
      if (x->stands != y->stands)
        return x->stands.before(y->stands);
      if (x->user != nullptr)
        return x->head.at < y->head.at;
      x = &x->below.best();
      y = &y->below.best();
    }
  };
  seat* winner = nullptr;
  for (const auto& x : providers_)
    if (!x->orgs.empty() && !is_full(*x) && has_room(*x)
        && (winner == nullptr || before(&x->orgs.best(), winner)))
      winner = &x->orgs.best();
  while (winner != nullptr && winner->user == nullptr)
    winner = &winner->below.best();
  return winner;
}

} // namespace tunerd
