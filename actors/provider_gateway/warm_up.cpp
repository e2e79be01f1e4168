#include "actors/provider_gateway/warm_up.hpp"

namespace tunerd {

namespace {

/// "https://10.0.0.1:443", "http://[::1]:80"
bool is_numeric(const std::string& origin) {
  const auto host = origin.find("://");
  return host == std::string::npos
         || std::string{"[0123456789"}.find(origin[host + 3])
              != std::string::npos;
}

} // namespace

bool warm_up::may_start(const std::string& origin, caf::timespan now) const {
  const auto found = hosts_.find(origin);
  return found == hosts_.end() || !found->second.someone_is_first
         || found->second.known_until > now;
}

bool warm_up::start(const std::string& origin, caf::timespan now) {
  if (is_numeric(origin))
    return false;
  std::erase_if(hosts_, [now](const auto& x) {
    return !x.second.someone_is_first && x.second.known_until <= now;
  });
  auto& entry = hosts_[origin];
  if (entry.known_until > now)
    return false;
  entry.someone_is_first = true;
  return true;
}

void warm_up::reached(const std::string& origin, bool connected,
                      caf::timespan now) {
  const auto found = hosts_.find(origin);
  if (found == hosts_.end())
    return;
  found->second.someone_is_first = false;
  if (connected)
    found->second.known_until = now + known_for_;
}

} // namespace tunerd
