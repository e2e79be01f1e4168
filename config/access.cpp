#include "config/access.hpp"

#include <algorithm>
#include <tuple>

namespace tunerd::config {

namespace {

auto fields(const token& x) {
  return std::tie(x.sha256, x.level, x.user_id, x.org_id, x.team_id);
}

const token* find(const auth& rules, const std::string& name) {
  const auto i
    = std::find_if(rules.tokens.begin(), rules.tokens.end(),
                   [&name](const auto& x) { return x.name == name; });
  return i == rules.tokens.end() ? nullptr : &*i;
}

bool equal(const std::vector<network>& a, const std::vector<network>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const network& x, const network& y) {
                      return x.address == y.address && x.bits == y.bits;
                    });
}

} // namespace

bool keeps_access(const auth& before, const auth& after,
                  const std::string& token) {
  if (!token.empty()) {
    const auto* was = find(before, token);
    const auto* is = find(after, token);
    return was && is && fields(*was) == fields(*is);
  }
  // Path and address are not asked again: any change of those rules counts.
  return before.tokens.empty() == after.tokens.empty()
         && before.bypass_paths == after.bypass_paths
         && before.bypass_auth_for_internal == after.bypass_auth_for_internal
         && equal(before.internal_networks, after.internal_networks)
         && before.trust_proxy_headers == after.trust_proxy_headers
         && equal(before.trusted_proxies, after.trusted_proxies);
}

} // namespace tunerd::config
