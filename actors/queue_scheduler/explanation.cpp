#include "actors/queue_scheduler/explanation.hpp"

#include <algorithm>

namespace tunerd {

namespace {

constexpr caf::timespan estimate_max = std::chrono::hours{24 * 365};
constexpr size_t holders_max = 100;

/// The index knows that the provider has no room, its owner knows why.
queue_constraint with_line(const std::string& provider,
                           const provider_line& line) {
  if (line.is_paused)
    return {
      .kind = "provider_unavailable", .scope = provider, .until = line.until};
  queue_constraint result{.kind = "submissions",
                          .scope = provider,
                          .limit = line.max,
                          .used = static_cast<int64_t>(line.under_way.size()),
                          .holders = line.under_way};
  if (result.holders.size() > holders_max)
    result.holders.resize(holders_max);
  return result;
}

} // namespace

std::vector<queue_constraint> constraints_of(const job_queue& queue,
                                             const queue_entry& x,
                                             const provider_line& line,
                                             timestamp now) {
  std::vector<queue_constraint> result;
  if (x.not_before > now)
    result.push_back({.kind = "not_before", .until = x.not_before});
  for (auto& stop : queue.full_limits(x.job_id))
    result.push_back(stop.kind == "submissions" ? with_line(x.provider, line)
                                                : std::move(stop));
  const auto ahead = queue.position(x.job_id, now) - 1;
  if (result.empty() && ahead > 0)
    result.push_back({.kind = "turn", .used = ahead});
  return result;
}

namespace {

/// @returns how many holders must leave the scope, one after the other, before
/// the job has its slot.
int64_t rounds(const queue_line& x) {
  const auto free = std::max<int64_t>(x.limit - x.used, 0);
  const auto waits_for = std::max<int64_t>(x.place - free, 0);
  return (waits_for + x.limit - 1) / x.limit;
}

} // namespace

caf::optional<caf::timespan>
estimated_wait(const std::vector<queue_line>& lines,
               const std::vector<queue_constraint>& constraints,
               caf::optional<caf::timespan> mean_hold, timestamp now) {
  caf::timespan own{0};
  for (const auto& x : constraints) {
    if (x.kind == "provider_unavailable")
      return caf::none;
    if (x.until)
      own = std::max(own, *x.until - now);
  }
  int64_t longest = 0;
  for (const auto& x : lines)
    longest = std::max(longest, rounds(x));
  if (longest == 0)
    return own;
  if (!mean_hold)
    return caf::none;
  if (mean_hold->count() > estimate_max.count() / longest)
    return estimate_max;
  return std::max(own, *mean_hold * longest);
}

// -- hold_times ---------------------------------------------------------------

void hold_times::begin(const std::string& job_id, const std::string& provider,
                       timestamp now) {
  open_.insert_or_assign(job_id, hold{provider, now});
}

void hold_times::end(const std::string& job_id, timestamp now) {
  const auto done = open_.extract(job_id);
  if (done.empty())
    return;
  auto& times = ended_[done.mapped().provider];
  times.push_back(std::max(now - done.mapped().since, caf::timespan{0}));
  if (times.size() > window)
    times.pop_front();
}

void hold_times::drop(const std::string& job_id) {
  open_.erase(job_id);
}

std::vector<std::string> hold_times::holders() const {
  std::vector<std::string> result;
  for (const auto& [job_id, x] : open_)
    result.push_back(job_id);
  return result;
}

caf::optional<caf::timespan>
hold_times::mean(const std::string& provider) const {
  const auto i = ended_.find(provider);
  if (i == ended_.end())
    return caf::none;
  const auto count = static_cast<int64_t>(i->second.size());
  caf::timespan result{0};
  for (const auto& x : i->second)
    result += x / count; // the sum of whole ones could overflow
  return result;
}

} // namespace tunerd
