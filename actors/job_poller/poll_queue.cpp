#include "actors/job_poller/poll_queue.hpp"

#include <algorithm>

namespace tunerd {

poll_queue::poll_queue(const std::vector<polled_provider>& providers) {
  for (const auto& x : providers)
    lanes_[x.name].max_in_flight = std::max(1, x.max_in_flight);
}

bool poll_queue::add(due_job x) {
  auto i = lanes_.find(x.provider);
  if (i == lanes_.end() || !ids_.insert(x.id).second)
    return false;
  i->second.waiting.push_back(std::move(x));
  return true;
}

std::optional<due_job> poll_queue::next(const std::string& provider) {
  auto i = lanes_.find(provider);
  if (i == lanes_.end())
    return std::nullopt;
  auto& lane = i->second;
  if (lane.waiting.empty() || lane.in_flight >= lane.max_in_flight)
    return std::nullopt;
  auto result = std::move(lane.waiting.front());
  lane.waiting.pop_front();
  ++lane.in_flight;
  return result;
}

void poll_queue::done(const due_job& x) {
  --lanes_.at(x.provider).in_flight;
  ids_.erase(x.id);
}

std::vector<due_job> poll_queue::keep_only(const std::set<std::string>& ids) {
  std::vector<due_job> dropped;
  for (auto& [provider, lane] : lanes_) {
    auto gone = std::stable_partition(
      lane.waiting.begin(), lane.waiting.end(),
      [&ids](const due_job& x) { return ids.count(x.id) > 0; });
    for (auto i = gone; i != lane.waiting.end(); ++i) {
      ids_.erase(i->id);
      dropped.push_back(std::move(*i));
    }
    lane.waiting.erase(gone, lane.waiting.end());
  }
  return dropped;
}

} // namespace tunerd
