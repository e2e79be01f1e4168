#include "actors/sse_broadcaster/subscription.hpp"

#include <algorithm>
#include <charconv>

namespace tunerd {

namespace {

bool may_see(const caller& who, const event_frame& frame) {
  if (who.level == caller_level::admin)
    return true;
  // Asked first: an empty user would equal a caller without one.
  if (frame.user_id.empty() || frame.type == "worker_status")
    return false;
  return tunerd::may_see(who, frame.user_id, frame.org_id);
}

event_gap expired(int64_t from, int64_t to) {
  return {from, to, gap_reason::expired};
}

} // namespace

bool wants(const subscription& subscriber, const event_frame& frame) {
  const auto& types = subscriber.types;
  if (!subscriber.job_id.empty() && subscriber.job_id != frame.job_id)
    return false;
  if (!types.empty()
      && std::find(types.begin(), types.end(), frame.type) == types.end())
    return false;
  return may_see(subscriber.who, frame);
}

stream_start parse_start(const std::string& last_event_id) {
  if (last_event_id.empty())
    return {};
  const auto* end = last_event_id.data() + last_event_id.size();
  int64_t id = 0;
  auto [stop, error] = std::from_chars(last_event_id.data(), end, id);
  if (error != std::errc{} || stop != end || last_event_id[0] == '-')
    return {stream_start::kind::malformed};
  return {stream_start::kind::after_id, id};
}

replay_plan plan_replay(int64_t after, const event_page& page) {
  if (after > page.head) {
    const auto from = std::min<int64_t>(1, page.head);
    return {event_gap{from, page.head, gap_reason::future_id}, page.head};
  }
  if (page.events.empty()) { // also if the log has nothing but its head left
    if (after == page.head)
      return {{}, after};
    return {expired(after + 1, page.head), page.head};
  }
  const auto last = page.events.back().id;
  if (after + 1 < page.oldest)
    return {expired(after + 1, page.oldest - 1), last};
  return {{}, last};
}

} // namespace tunerd
