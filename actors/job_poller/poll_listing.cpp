#include "actors/job_poller/poll_listing.hpp"

#include <algorithm>

namespace tunerd {

namespace {

/// By how much a provider's clock may be behind ours.
constexpr auto skew_max = std::chrono::minutes{5};

/// @returns how many pages may be read in vain for the sake of `wanted` jobs:
/// never more calls than these would take, and of many only a twentieth, or an
/// account full of other jobs would cost twice the calls.
constexpr size_t waste_max(size_t wanted) {
  return std::min(wanted, 5 + wanted / 20);
}

} // namespace

bool poll_listing::want(due_job&& x) {
  if (wanted_.count(x.external_id) > 0)
    return false;
  const auto since = x.created_at - skew_max;
  const auto key = x.external_id;
  wanted_.emplace(key, entry{places_++, std::move(x)});
  created_after_ = std::max(timestamp{}, std::min(created_after_, since));
  return true;
}

std::vector<sighting> poll_listing::read(const provider_job_page& page) {
  std::vector<sighting> result;
  for (const auto& x : page.jobs)
    if (auto subject = drop(x.external_id))
      result.push_back({std::move(*subject), x});
  ++pages_;
  wasted_ += result.size() < 2 ? 1 : 0;
  // A cursor that leads to itself leads nowhere.
  cursor_ = page.next == cursor_ ? std::string{} : page.next;
  return result;
}

std::optional<due_job> poll_listing::drop(const std::string& external_id) {
  auto found = wanted_.extract(external_id);
  if (found.empty())
    return std::nullopt;
  return std::move(found.mapped().subject);
}

std::vector<due_job>
poll_listing::keep_only(const std::unordered_set<std::string_view>& active) {
  std::vector<due_job> dropped;
  for (auto i = wanted_.begin(); i != wanted_.end();) {
    const auto current = i++;
    if (active.count(current->second.subject.id) == 0)
      dropped.push_back(std::move(wanted_.extract(current).mapped().subject));
  }
  return dropped;
}

bool poll_listing::is_over() const {
  return wanted_.empty() || (pages_ > 0 && cursor_.empty())
         || wasted_ >= waste_max(wanted_.size());
}

std::vector<due_job> poll_listing::rest() {
  std::vector<entry> left;
  for (auto& [id, x] : wanted_)
    left.push_back(std::move(x));
  wanted_.clear();
  std::sort(left.begin(), left.end(),
            [](const auto& a, const auto& b) { return a.place < b.place; });
  std::vector<due_job> result;
  for (auto& x : left)
    result.push_back(std::move(x.subject));
  return result;
}

} // namespace tunerd
