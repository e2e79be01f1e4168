#pragma once

#include "actors/queue_scheduler/job_queue.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace tunerd::test {

/// A job whose names are numbers; 0 is no org, no team.
struct model_job {
  int id = 0;
  int64_t row = 0;
  int org = 0;
  int team = 0;
  int user = 0;
  int provider = 0;
  int32_t priority = 0;
  queue_status status = queue_status::pending;
  timestamp queued_at = {};
  timestamp not_before = {};

  static std::string name(char kind, int number) {
    return number == 0 ? "" : kind + std::to_string(number);
  }

  queue_entry entry() const {
    return {.job_id = name('j', id),
            .row = row,
            .provider = name('p', provider),
            .user_id = name('u', user),
            .org_id = name('o', org),
            .team_id = name('t', team),
            .status = status,
            .priority = priority,
            .queued_at = queued_at,
            .not_before = not_before};
  }
};

/// The same queue the slow and obvious way: all is sorted and counted anew for
/// each choice.
struct queue_model {
  static constexpr size_t orgs_max = 4, teams_max = 4, users_max = 6;
  static constexpr size_t parties_max
    = orgs_max + orgs_max * teams_max + orgs_max * teams_max * users_max;
  using parties = std::array<size_t, 3>;

  caf::timespan threshold{std::chrono::hours{1}};
  queue_limits limits = {};
  /// By provider.
  std::map<int, int64_t> rooms = {};
  std::map<int, model_job> jobs = {};
  int64_t turn = 0;
  /// When a party came, 0 if it is not there; and when it had its turn.
  std::array<int64_t, parties_max> born = {};
  std::map<std::pair<size_t, int32_t>, int64_t> served = {};

  /// @returns its org, team and user.
  static parties parties_of(const model_job& x) {
    const auto org = static_cast<size_t>(x.org);
    const auto team = org * teams_max + static_cast<size_t>(x.team);
    const auto user = team * users_max + static_cast<size_t>(x.user);
    return {org, orgs_max + team, orgs_max + orgs_max * teams_max + user};
  }

  void put(const model_job& x) {
    jobs.insert_or_assign(x.id, x);
    meet();
  }

  void erase(int id) {
    jobs.erase(id);
    meet();
  }

  /// Parties come and go with their entries.
  void meet() {
    std::array<bool, parties_max> there = {};
    for (const auto& [id, x] : jobs)
      for (auto party : parties_of(x))
        there[party] = true;
    for (size_t i = 0; i < parties_max; ++i)
      if (there[i] && born[i] == 0)
        born[i] = ++turn;
      else if (!there[i])
        born[i] = 0;
    std::erase_if(served, [&](auto& x) { return !there[x.first.first]; });
  }

  int32_t priority_of(const model_job& x, timestamp now) const {
    auto result = x.priority;
    for (auto at = x.queued_at + threshold; at <= now && result < 40;
         at += threshold)
      result = std::min(40, result + 10);
    return result;
  }

  auto rank_of(const model_job& x, timestamp now) const {
    const auto priority = priority_of(x, now);
    std::array<int64_t, 3> turns = {};
    if (limits.enable_fair_share) {
      const auto whose = parties_of(x);
      for (size_t i = 0; i < 3; ++i) {
        const auto last = served.find({whose[i], priority});
        turns[i] = last == served.end() ? born[whose[i]] : last->second;
      }
    }
    return std::tuple{-priority, turns, x.queued_at, x.row};
  }

  /// The jobs that hold slots, the oldest first.
  std::vector<const model_job*> holders(auto&& is_theirs) const {
    std::vector<const model_job*> result;
    for (const auto& [id, x] : jobs)
      if (holds_slot(x.status) && is_theirs(x))
        result.push_back(&x);
    std::sort(result.begin(), result.end(), [](auto* x, auto* y) {
      return std::pair{x->queued_at, x->row} < std::pair{y->queued_at, y->row};
    });
    return result;
  }

  /// Calls `visit(name, limit, is_theirs)` for each limit of `x`, nearest
  /// first.
  void visit_limits(const model_job& x, auto&& visit) const {
    visit("user", limits.user_max_concurrent,
          [&](const model_job& y) { return y.user == x.user; });
    if (x.team != 0 && limits.enable_fair_share)
      visit("team", limits.team_max_concurrent, [&](const model_job& y) {
        return y.org == x.org && y.team == x.team;
      });
    if (x.org != 0)
      visit("org", limits.org_max_concurrent,
            [&](const model_job& y) { return y.org == x.org; });
    visit("provider", limits.provider_max_concurrent,
          [&](const model_job& y) { return y.provider == x.provider; });
    visit("global", limits.max_concurrent,
          [](const model_job&) { return true; });
  }

  bool has_room(const model_job& x) const {
    const auto room = rooms.find(x.provider);
    auto result = room == rooms.end() || room->second > 0;
    visit_limits(x, [&](const char*, int32_t limit, auto is_theirs) {
      const auto used = std::count_if(jobs.begin(), jobs.end(), [&](auto& y) {
        return holds_slot(y.second.status) && is_theirs(y.second);
      });
      result = result && (limit <= 0 || used < limit);
    });
    return result;
  }

  bool can_start(const model_job& x, timestamp now) const {
    return x.status == queue_status::pending && x.not_before <= now
           && has_room(x);
  }

  std::vector<std::string> choose(timestamp now, size_t max) {
    std::vector<std::string> result;
    while (result.size() < max) {
      model_job* best = nullptr;
      for (auto& [id, x] : jobs)
        if (can_start(x, now)
            && (!best || rank_of(x, now) < rank_of(*best, now)))
          best = &x;
      if (best == nullptr)
        break;
      start(*best, now);
      result.push_back(best->entry().job_id);
    }
    return result;
  }

  void start(model_job& x, timestamp now) {
    x.status = queue_status::ready;
    if (auto room = rooms.find(x.provider); room != rooms.end())
      --room->second;
    ++turn;
    if (limits.enable_fair_share)
      for (auto party : parties_of(x))
        served[{party, priority_of(x, now)}] = turn;
  }

  /// Who would start before it if all had room, plus one.
  int64_t position(int id, timestamp now) const {
    const auto i = jobs.find(id);
    if (i == jobs.end() || i->second.status != queue_status::pending)
      return 0;
    auto later = *this;
    later.limits = {.max_concurrent = 0,
                    .user_max_concurrent = 0,
                    .team_max_concurrent = 0,
                    .enable_fair_share = limits.enable_fair_share};
    later.rooms.clear();
    for (auto& [job_id, x] : later.jobs)
      x.not_before = {};
    const auto order = later.choose(now, jobs.size());
    const auto found
      = std::find(order.begin(), order.end(), i->second.entry().job_id);
    return found - order.begin() + 1;
  }

  std::vector<queue_constraint> full_limits(int id) const {
    std::vector<queue_constraint> result;
    const auto i = jobs.find(id);
    if (i == jobs.end() || i->second.status != queue_status::pending)
      return result;
    const auto& x = i->second;
    visit_limits(
      x, [&](const std::string& scope, int32_t limit, auto is_theirs) {
        const auto room = rooms.find(x.provider);
        if (scope == "global" && room != rooms.end() && room->second <= 0)
          result.push_back({"submissions", x.entry().provider});
        const auto all = holders(is_theirs);
        const auto used = static_cast<int64_t>(all.size());
        if (limit <= 0 || used < limit)
          return;
        result.push_back({"limit", scope, limit, used});
        for (const auto* y : all)
          result.back().holders.push_back(y->entry().job_id);
      });
    return result;
  }
};

} // namespace tunerd::test
