#include "actors/store/slots.hpp"

namespace tunerd::sql {

std::vector<slots::scope> slots::scopes_of(const job& x) {
  std::vector<scope> result;
  const auto add
    = [&](const std::string& key, int32_t limit, std::string text, auto count) {
        if (limit <= 0)
          return;
        auto i = used_.find(key);
        if (i == used_.end())
          i = used_.emplace(key, count()).first;
        result.push_back({i->second, limit, std::move(text)});
      };
  add("global", limits_.max_concurrent, "Global limit reached",
      [&] { return held_.held(); });
  add("user:" + x.user_id, limits_.user_max_concurrent,
      "User " + x.user_id + " is at the per-user concurrency limits",
      [&] { return held_.held_by_user(x.user_id); });
  if (limits_.enable_fair_share && !x.team_id.empty())
    add("team:" + std::to_string(x.org_id.size()) + ":" + x.org_id + x.team_id,
        limits_.team_max_concurrent,
        "Team " + x.team_id + " is at the team concurrency limits",
        [&] { return held_.held_by_team(x.org_id, x.team_id); });
  if (!x.org_id.empty())
    add("org:" + x.org_id, limits_.org_max_concurrent,
        "Org " + x.org_id + " is at the org concurrency limits",
        [&] { return held_.held_by_org(x.org_id); });
  add("provider:" + x.provider, limits_.provider_max_concurrent,
      "Provider " + x.provider + " is at the provider concurrency limits",
      [&] { return held_.held_by_provider(x.provider); });
  return result;
}

std::string slots::refusal(const job& x) {
  for (const auto& [used, limit, text] : scopes_of(x))
    if (used >= limit)
      return text + " (" + std::to_string(used) + "/" + std::to_string(limit)
             + ")";
  return {};
}

void slots::take(const job& x) {
  for (const auto& [used, limit, text] : scopes_of(x))
    ++used;
}

} // namespace tunerd::sql
