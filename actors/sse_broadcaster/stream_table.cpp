#include "actors/sse_broadcaster/stream_table.hpp"

#include "actors/support/log.hpp"
#include "config/access.hpp"

#include <array>
#include <utility>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.events"};

/// Who writes nothing for so long although it has something to write is cut.
constexpr uint64_t stalled_beats = 30;

/// Replays wait while more than this is in memory for slow readers of pages.
constexpr size_t page_bytes_max = 64 * 1024 * 1024;

/// After a stop clients come back spread over so many milliseconds.
constexpr int64_t retry_least = 1'000;
constexpr uint64_t retry_spread = 4'000;

/// @returns when stream `number` comes back. Multiples of the golden ratio fill
/// a window evenly, however many there are.
int64_t retry_milliseconds(uint64_t number) {
  const auto share = static_cast<uint32_t>(number * 2'654'435'769u);
  return retry_least + static_cast<int64_t>(share * retry_spread >> 32);
}

} // namespace

stream_table::stream_table(event_feed& feed, const config::sse& settings,
                           metrics_ptr counts, live<config::auth> rules)
  : feed_(feed), settings_(settings), counts_(std::move(counts)),
    rules_(std::move(rules)) {
}

void stream_table::count_streams() {
  counts_->subscribers.set(static_cast<int64_t>(streams_.size()));
}

bool stream_table::is_full_for(const std::string& client) const {
  if (streams_.size() >= static_cast<size_t>(settings_.max_connections))
    return true;
  auto i = per_client_.find(client);
  return i != per_client_.end() && i->second >= settings_.max_per_client;
}

uint64_t stream_table::open(const open_stream& request,
                            std::unique_ptr<byte_sink> sink) {
  log_context scope{request.ctx};
  if (is_full_for(request.client)) {
    log.info("Event stream refused: connection limit reached",
             {{"client", request.client}, {"streams", streams_.size()}});
    counts_->subscribers_refused.add();
    const std::array<std::string_view, 1> parts{request.refused};
    sink->write(parts);
    return 0;
  }
  log.debug("Event stream opened", {{"client", request.client}});
  const auto number = ++last_number_;
  ++per_client_[request.client];
  auto peer = std::make_unique<subscriber>(number, request, std::move(sink),
                                           counts_->gaps);
  stream opened{.peer = std::move(peer),
                .let_in_by
                = request.let_in_by ? request.let_in_by : rules_.get(),
                .moved_at = beats_};
  auto i = streams_.emplace(number, std::move(opened)).first;
  count_streams();
  return drain(i) ? number : 0;
}

void stream_table::writable(uint64_t number) {
  if (auto i = streams_.find(number); i != streams_.end())
    drain(i);
}

void stream_table::close(uint64_t number) {
  if (auto i = streams_.find(number); i != streams_.end())
    erase(i);
}

void stream_table::take(replay_page page) {
  auto i = streams_.find(page.stream);
  if (i == streams_.end())
    return;
  auto& peer = *i->second.peer;
  const auto before = peer.page_bytes();
  const auto helps = peer.take(std::move(page), feed_);
  count_pages(before, peer.page_bytes());
  if (helps)
    drain(i);
  else
    erase(i);
}

bool stream_table::drain(stream_map::iterator i) {
  auto& peer = *i->second.peer;
  const auto before = peer.page_bytes();
  const auto result = peer.drain(feed_, now_);
  count_pages(before, peer.page_bytes());
  if (result == subscriber::outcome::more)
    request_sweep();
  if (result == subscriber::outcome::gone)
    erase(i);
  return result != subscriber::outcome::gone;
}

void stream_table::count_pages(size_t before, size_t after) {
  if (before == after)
    return;
  page_bytes_ += after - before; // wraps, and back
  feed_.allow_demands(page_bytes_ < page_bytes_max);
}

void stream_table::request_sweep() {
  if (sweep_from_ == 0)
    sweep_from_ = 1;
  else
    sweep_again_ = true;
}

bool stream_table::sweep(size_t count) {
  if (sweep_from_ == 0)
    return false;
  auto i = streams_.lower_bound(sweep_from_);
  for (; count > 0 && i != streams_.end(); --count) {
    const auto next = std::next(i);
    if (!i->second.peer->is_blocked())
      drain(i);
    i = next;
  }
  if (i != streams_.end())
    sweep_from_ = i->first;
  else
    sweep_from_ = std::exchange(sweep_again_, false) ? 1 : 0;
  return sweep_from_ != 0;
}

void stream_table::beat(timestamp now) {
  now_ = now;
  ++beats_;
  const auto rules = rules_.get();
  const auto period = static_cast<uint64_t>(settings_.heartbeat.count());
  for (auto i = streams_.begin(); i != streams_.end();) {
    const auto current = i++;
    if (is_stalled(current->second)) {
      counts_->subscribers_cut.add();
      current->second.peer->abandon();
      erase(current);
    } else if (has_lost_access(current->second, rules)) {
      current->second.peer->abandon();
      erase(current);
    } else if (current->first % period == beats_ % period) {
      current->second.peer->owe_heartbeat();
    }
  }
  request_sweep();
}

bool stream_table::is_stalled(stream& x) const {
  const auto& peer = *x.peer;
  if (!peer.is_blocked() || peer.progress() != x.progress_seen) {
    x.progress_seen = peer.progress();
    x.moved_at = beats_;
  }
  const auto late = beats_ - x.moved_at >= stalled_beats;
  if (!late && !peer.is_overtaken(feed_))
    return false;
  log_context scope{peer.ctx()};
  log.warning("Event stream cut: the subscriber does not read",
              {{"client", peer.client()}, {"overtaken", !late}});
  return true;
}

bool stream_table::has_lost_access(
  stream& x, const std::shared_ptr<const config::auth>& now) const {
  if (std::exchange(x.judged, true) && x.let_in_by == now)
    return false;
  const auto before = std::exchange(x.let_in_by, now);
  const auto& peer = *x.peer;
  if (config::keeps_access(*before, *now, peer.token()))
    return false;
  log_context scope{peer.ctx()};
  log.info("Event stream ended: what let it in is no longer valid",
           {{"client", peer.client()}});
  return true;
}

void stream_table::erase(stream_map::iterator i) {
  const auto& peer = *i->second.peer;
  feed_.withdraw(i->first);
  count_pages(peer.page_bytes(), 0);
  if (auto client = per_client_.find(peer.client()); --client->second == 0)
    per_client_.erase(client);
  streams_.erase(i);
  count_streams();
}

void stream_table::close_all() {
  for (auto& [number, x] : streams_)
    x.peer->part(retry_milliseconds(number));
  while (!streams_.empty())
    erase(streams_.begin());
}

} // namespace tunerd
