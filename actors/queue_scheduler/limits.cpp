#include "actors/queue_scheduler/job_queue.hpp"

#include <set>

// What the limits say about the jobs that wait: the other side of `choose`.

namespace tunerd {

namespace {

constexpr size_t holders_max = 100;

const party& team_of(const seat& lane) {
  return *lane.whose->above;
}

const party& org_of(const seat& lane) {
  return *lane.whose->above->above;
}

bool has_ready_job(const seat& lane) {
  for (const auto& x : lane.levels)
    if (!x.ready.empty())
      return true;
  return false;
}

} // namespace

std::string job_queue::why_none() const {
  if (waiting() == 0)
    return "No pending jobs in queue";
  if (lanes_.is_full())
    return "Global limit reached (" + std::to_string(held()) + "/"
           + std::to_string(lanes_.limits().max_concurrent) + ")";
  bool by_user = false, by_team = false, by_org = false, by_provider = false;
  visit_lanes(lanes_.all(), [&](const seat& x) {
    if (!has_ready_job(x))
      return;
    by_user |= lanes_.is_full(*x.user);
    by_team |= lanes_.is_full(team_of(x));
    by_org |= lanes_.is_full(org_of(x));
    by_provider |= lanes_.is_full(*x.there);
  });
  if (by_user)
    return "All pending jobs are held by per-user concurrency limits";
  if (by_team)
    return "All pending jobs are held by team concurrency limits";
  if (by_org)
    return "All pending jobs are held by org concurrency limits";
  if (by_provider)
    return "All pending jobs are held by provider concurrency limits";
  if (delayed_.size() < waiting())
    return "All pending jobs wait for their provider";
  return "All pending jobs wait for their next attempt";
}

std::vector<queue_constraint>
job_queue::full_limits(const std::string& job_id) const {
  std::vector<queue_constraint> result;
  const auto* x = find_waiting(job_id);
  if (x == nullptr)
    return result;
  const auto add
    = [&](const char* scope, int64_t limit, int64_t used, auto is_theirs) {
        result.push_back({.kind = "limit",
                          .scope = scope,
                          .limit = limit,
                          .used = used,
                          .holders = holders_of(is_theirs)});
      };
  const auto& limits = lanes_.limits();
  const auto& user = *x->lane->user;
  const auto& team = team_of(*x->lane);
  const auto& org = org_of(*x->lane);
  const auto& there = *x->lane->there;
  if (lanes_.is_full(user))
    add("user", limits.user_max_concurrent, user.held,
        [&](const seat& y) { return y.user == &user; });
  if (lanes_.is_full(team))
    add("team", limits.team_max_concurrent, team.held,
        [&](const seat& y) { return &team_of(y) == &team; });
  if (lanes_.is_full(org))
    add("org", limits.org_max_concurrent, org.held,
        [&](const seat& y) { return &org_of(y) == &org; });
  if (lanes_.is_full(there))
    add("provider", limits.provider_max_concurrent, there.held,
        [&](const seat& y) { return y.there == &there; });
  if (!lanes::has_room(there))
    result.push_back({.kind = "submissions", .scope = there.name});
  if (lanes_.is_full())
    add("global", limits.max_concurrent, held(),
        [](const seat&) { return true; });
  return result;
}

template <class F>
std::vector<std::string> job_queue::holders_of(F is_theirs) const {
  std::vector<std::string> result;
  holding_.visit_until([&](uint32_t number) {
    if (is_theirs(*at(number).lane))
      result.push_back(at(number).job_id);
    return result.size() < holders_max;
  });
  return result;
}

std::vector<queue_line> job_queue::lines(const std::string& job_id,
                                         timestamp now) const {
  std::vector<queue_line> result;
  const auto* x = find_waiting(job_id);
  if (x == nullptr)
    return result;
  const auto stands = standings{lanes_, levels_, now}.all_places(
    {x->lane, x->priority, x->at()});
  const auto add = [&](int64_t limit, int64_t used, int64_t at) {
    if (limit > 0)
      result.push_back({limit, used, at});
  };
  const auto& limits = lanes_.limits();
  const auto& team = team_of(*x->lane);
  const auto& org = org_of(*x->lane);
  add(limits.user_max_concurrent, x->lane->user->held, stands.of_user);
  add(lanes_.limit_of(team), team.held, stands.of_team);
  add(lanes_.limit_of(org), org.held, stands.of_org);
  add(limits.provider_max_concurrent, x->lane->there->held, stands.of_all);
  add(limits.max_concurrent, held(), stands.of_all);
  return result;
}

} // namespace tunerd
