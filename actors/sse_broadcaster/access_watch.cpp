#include "actors/sse_broadcaster/access_watch.hpp"

#include "config/access.hpp"

#include <algorithm>
#include <utility>

namespace tunerd {

namespace {

/// Longer than a socket takes from the HTTP gateway to here, in looks.
constexpr uint64_t looks_kept = 5;

} // namespace

access_watch::access_watch(live<config::auth> rules)
  : rules_(std::move(rules)), now_(rules_.get()) {
}

void access_watch::look() {
  ++looks_;
  while (!replaced_.empty() && looks_ - replaced_.front().at > looks_kept)
    replaced_.pop_front();
  if (auto next = rules_.get(); next != now_)
    replaced_.push_back({std::exchange(now_, std::move(next)), looks_});
}

bool access_watch::is_over(const std::string& token) const {
  return std::any_of(replaced_.begin(), replaced_.end(), [&](const auto& x) {
    return !config::keeps_access(*x.rules, *now_, token);
  });
}

} // namespace tunerd
