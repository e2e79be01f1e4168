#include "actors/http_gateway/call_gate.hpp"

#include "actors/http_gateway/guard.hpp"
#include "actors/support/log.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.http"};

/// The error code that goes with a status the server chose.
const char* code_for(int status) {
  switch (status) {
    case 413: return "payload_too_large";
    case 500: return "internal_error";
    case 503:
    case 504: return "service_unavailable";
    default: return "invalid_input";
  }
}

/// Leaves one valid x-correlation-id in `headers`. @returns it.
std::string settle_correlation_id(http_headers& headers,
                                  const random_source& random) {
  auto id = rest::correlation_id_of(headers);
  if (!id.empty())
    return id;
  id = new_correlation_id(random);
  const auto sent = std::erase_if(
    headers, [](const auto& x) { return x.first == "x-correlation-id"; });
  headers.emplace_back("x-correlation-id", id);
  log_context scope{context{id}};
  log.debug("New correlation id",
            {{"reason", sent == 0 ? "none was sent" : "an invalid one was"}});
  return id;
}

} // namespace

call_gate::call_gate(outside world, limits bounds)
  : world_(std::move(world)), bounds_(bounds) {
}

void call_gate::serve(std::weak_ptr<http_exchange> server) {
  server_ = std::move(server);
}

void call_gate::on_call(http_call call) {
  const auto id = call.id;
  const auto bytes = call.body.size();
  const auto correlation_id
    = settle_correlation_id(call.headers, world_.random);
  http_gateway_actor gateway;
  const char* why = "the HTTP gateway is being restarted";
  {
    std::lock_guard guard{mutex_};
    if (auto ptr = caf::actor_cast<caf::strong_actor_ptr>(gateway_))
      gateway = caf::actor_cast<http_gateway_actor>(ptr);
    if (under_way_.size() >= bounds_.calls_max
        || bytes > bounds_.bytes_max - bytes_) {
      gateway = nullptr;
      why = "too many requests are under way";
    }
    if (gateway) {
      under_way_.emplace(id, entry{bytes, correlation_id});
      bytes_ += bytes;
    }
  }
  if (!gateway)
    return turn_away(id, correlation_id, why);
  caf::anon_send(gateway, std::move(call));
}

http_reply call_gate::refuse(int status, const std::string& text,
                             const http_headers& headers) const {
  auto copy = headers;
  const auto correlation_id = settle_correlation_id(copy, world_.random);
  log_context scope{context{correlation_id}};
  statistics_.add({}, http_statistics::unmatched, status,
                  std::chrono::nanoseconds{0});
  if (status >= 500)
    log.warning("HTTP request refused", {{"status", status}, {"error", text}});
  else
    log.debug("HTTP request refused", {{"status", status}, {"error", text}});
  return rest::to_reply(
    rest::refusal{.status = status,
                  .error = code_for(status),
                  .message = text,
                  .retry_after_seconds = status == 503 ? 1 : 0},
    correlation_id);
}

uint64_t call_gate::open(caf::weak_actor_ptr gateway) {
  std::lock_guard guard{mutex_};
  gateway_ = std::move(gateway);
  return ++generation_;
}

void call_gate::close(uint64_t generation) {
  std::unordered_map<uint64_t, entry> orphans;
  {
    std::lock_guard guard{mutex_};
    if (generation != generation_)
      return;
    gateway_ = nullptr;
    bytes_ = 0;
    orphans = std::exchange(under_way_, {});
  }
  for (const auto& [id, orphan] : orphans)
    if (orphan.listener)
      hang_up(id, orphan.listener);
    else
      turn_away(id, orphan.correlation_id,
                "the HTTP gateway was restarted meanwhile; whether it was done "
                "is not known");
}

bool call_gate::is_open() const {
  std::lock_guard guard{mutex_};
  return gateway_ != nullptr;
}

size_t call_gate::size() const {
  std::lock_guard guard{mutex_};
  return under_way_.size();
}

size_t call_gate::streams() const {
  std::lock_guard guard{mutex_};
  return static_cast<size_t>(
    std::count_if(under_way_.begin(), under_way_.end(),
                  [](const auto& x) { return bool{x.second.listener}; }));
}

void call_gate::reply(uint64_t id, http_reply answer) {
  if (!leave(id))
    return;
  if (auto server = server_.lock())
    server->reply(id, std::move(answer));
}

void call_gate::hand_over(uint64_t id, std::function<void(int)> taker) {
  if (!leave(id))
    return;
  if (auto server = server_.lock())
    server->hand_over(id, std::move(taker));
}

void call_gate::begin(uint64_t id, http_reply head, stream_listener listener) {
  const auto server = server_.lock();
  {
    // Held for the whole call: `close` must not overtake it.
    std::lock_guard guard{mutex_};
    const auto i = under_way_.find(id);
    if (server && i != under_way_.end() && !i->second.listener) {
      i->second.listener = listener;
      return server->begin(id, std::move(head), std::move(listener));
    }
  }
  listener(stream_change::gone);
}

void call_gate::append(uint64_t id, std::string part) {
  if (auto server = server_.lock())
    server->append(id, std::move(part));
}

void call_gate::end(uint64_t id) {
  if (!leave(id, true))
    return;
  if (auto server = server_.lock())
    server->end(id);
}

void call_gate::hang_up(uint64_t id, const stream_listener& listener) {
  listener(stream_change::gone);
  if (auto server = server_.lock())
    server->end(id);
}

bool call_gate::leave(uint64_t id, bool in_parts) {
  std::lock_guard guard{mutex_};
  const auto i = under_way_.find(id);
  if (i == under_way_.end() || bool{i->second.listener} != in_parts)
    return false;
  bytes_ -= i->second.bytes;
  under_way_.erase(i);
  return true;
}

void call_gate::turn_away(uint64_t id, const std::string& correlation_id,
                          const char* why) {
  if (auto server = server_.lock())
    server->reply(id, refuse(503, why, {{"x-correlation-id", correlation_id}}));
}

} // namespace tunerd
