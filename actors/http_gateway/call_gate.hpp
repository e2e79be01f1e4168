#pragma once

#include "actors/http_gateway/http_statistics.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/http_server.hpp"
#include "messages/interfaces.hpp"

#include <caf/actor_control_block.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace tunerd {

/// Stands between the server and the HTTP GATEWAY: knows who serves calls and
/// which ones are under way.
///
/// A call gets exactly one answer, the first. It gets 503 at once if nobody
/// serves, if too many calls or bytes are under way, and when the incarnation
/// that serves it ends: no client waits for the dead. Any thread; no blocking.
///
/// Here work enters the daemon: every call that goes in has a header
/// x-correlation-id, the client's if it is valid, else one made here.
class call_gate : public http_exchange {
public:
  /// Overflow policy: what does not fit is refused.
  struct limits {
    size_t calls_max = 1024;
    /// Of the bodies of the calls under way.
    size_t bytes_max = 256 * 1024 * 1024;
  };

  explicit call_gate(outside world, limits bounds);

  /// Says where answers go. Once, before the first call. The server may end
  /// earlier than the gate.
  void serve(std::weak_ptr<http_exchange> server);

  /// Hands a call to who serves, or refuses it. For `http_server::handler`.
  void on_call(http_call call);

  /// Makes the answer for what the server refuses by itself, with the id that
  /// every response carries. For `http_server::options::refuse`.
  http_reply refuse(int status, const std::string& text,
                    const http_headers& headers) const;

  /// From now on `gateway` serves. @returns what to say to `close`.
  uint64_t open(caf::weak_actor_ptr gateway);

  /// The one that opened the gate as `generation` has ended: refuses what it
  /// left unanswered, and new calls until the next `open`.
  void close(uint64_t generation);

  /// @returns whether somebody serves.
  bool is_open() const;

  /// @returns how many calls are under way.
  size_t size() const;

  /// @returns the counts of all answers: the gate outlives who serves. What
  /// the gate or the server refuses counts as unmatched.
  http_statistics& statistics() const noexcept {
    return statistics_;
  }
  /// @returns how many of them are answered in parts.
  size_t streams() const;

  void reply(uint64_t id, http_reply answer) override;
  void hand_over(uint64_t id, std::function<void(int)> taker) override;

  /// The call stays under way until `end`.
  void begin(uint64_t id, http_reply head, stream_listener listener) override;
  void append(uint64_t id, std::string part) override;
  void end(uint64_t id) override;

private:
  /// A call that has no whole answer yet; leaves with it.
  struct entry {
    size_t bytes = 0;
    std::string correlation_id = {};
    /// Who answers in parts; none until then.
    stream_listener listener = {};
  };

  /// @returns whether `id` was under way, answered in parts or not; it no
  /// longer is.
  bool leave(uint64_t id, bool in_parts = false);
  void turn_away(uint64_t id, const std::string& correlation_id,
                 const char* why);
  void hang_up(uint64_t id, const stream_listener& listener);

  const outside world_;
  const limits bounds_;
  std::weak_ptr<http_exchange> server_;
  mutable http_statistics statistics_;
  mutable std::mutex mutex_;
  /// Guarded by `mutex_`, like the rest.
  caf::weak_actor_ptr gateway_;
  uint64_t generation_ = 0;
  std::unordered_map<uint64_t, entry> under_way_;
  size_t bytes_ = 0;
};

/// @returns a handler for the server that calls `gate`.
inline http_server::handler calls_into(std::shared_ptr<call_gate> gate) {
  return [gate](http_call call) { gate->on_call(std::move(call)); };
}

} // namespace tunerd
