#pragma once

#include "actors/support/live.hpp"
#include "config/providers.hpp"
#include "messages/http.hpp"

#include <cstddef>
#include <functional>
#include <memory>

// The problem: outbound calls must neither block an actor nor be made twice,
// and whoever asked must learn whether a failed call can have reached the
// server. One thread runs libcurl's multi interface; others only queue.
//
// The obstacles: libcurl repeats *any* request, POST included, on a fresh
// connection when a reused one dies before the first byte of the answer. The
// server may have acted on the first, so whatever is not a GET never reuses a
// connection. And a call that waits in the queue must not be sent after whoever
// asked has given up, so its time-out runs from `submit`.
//
// Questions share connections, over TLS those of HTTP/2 where the server offers
// it. What changes something goes first and finds room of its own.

namespace tunerd {

/// The failure of a call whose `public_only` forbade the address. It was not
/// sent.
inline constexpr const char* not_public_failure
  = "the address is not one of the public internet";

/// The failure of a call that this node may not make. It was not sent.
inline constexpr const char* not_leading_failure
  = "this node does not lead any more";

/// How outbound calls are made.
struct curl_settings {
  /// Read anew for each call. Its `timeout` is not used: each request has its
  /// own.
  live<config::outbound> outbound = {};
  /// Questions under way at once. Range: 1 to 2000.
  size_t in_flight_max = 64;
  /// Calls waiting to get under way; one more is refused.
  size_t queued_max = 1024;
  /// An answer with a larger body counts as lost.
  size_t body_bytes_max = 32 * 1024 * 1024;
  /// For name, connection and TLS together; part of the call's time-out.
  std::chrono::milliseconds connect_timeout{10'000};
  /// Time that only moves forward, since any fixed moment. Any thread.
  std::function<caf::timespan()> monotonic;
  /// Asked right before the first byte of a call that may change something
  /// (`public_only` ones change nothing of a provider). If not, it is not sent.
  /// On the curl thread; must not wait.
  std::function<bool()> may_change = [] { return true; };
};

/// Makes HTTP calls on a thread of its own. Each carries the correlation id of
/// its context as `X-Correlation-ID`, and our `User-Agent`. Redirects are not
/// followed, only http and https are spoken, connections are kept for GETs.
///
/// With DEBUG in force for `simpletuner.cloud.http.curl` each line that libcurl
/// has to say of a call, and each header, is a line of the log in the context
/// of the call: never a body, and no secret of URL or headers.
class curl_thread {
public:
  /// Called exactly once per accepted call, on the curl thread, in the context
  /// of the request. Must not throw or wait.
  using answer_callback = std::function<void(http_response)>;

  /// Starts the thread, with all signals blocked.
  /// @throws std::runtime_error if libcurl or the thread cannot start.
  explicit curl_thread(curl_settings settings);

  /// Stops.
  ~curl_thread();

  curl_thread(const curl_thread&) = delete;
  curl_thread& operator=(const curl_thread&) = delete;

  /// Queues one call. Any thread; does not block.
  /// @returns whether it was taken: not if the queue is full or after `stop`.
  bool submit(http_request request, answer_callback on_answer);

  /// Ends the thread within a second. What was under way is answered as lost
  /// (or not sent, if that is sure), what was queued as not sent. May be called
  /// again, by one thread at a time, not from a callback.
  void stop();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace tunerd
