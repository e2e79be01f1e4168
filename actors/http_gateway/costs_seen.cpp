#include "actors/http_gateway/costs_seen.hpp"

namespace tunerd {

namespace {

/// Takes all but `name` away; all, if it is empty.
void keep_only(const std::string& name, std::map<std::string, int64_t>& sums) {
  std::erase_if(sums, [&name](const auto& entry) {
    return name.empty() || entry.first != name;
  });
}

} // namespace

cost_sums costs_seen_by(const caller& who, cost_sums all) {
  if (who.level == caller_level::admin)
    return all;
  keep_only(who.user_id, all.by_user);
  keep_only(who.level == caller_level::lead ? who.org_id : "", all.by_org);
  return all;
}

} // namespace tunerd
