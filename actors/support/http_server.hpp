#pragma once

#include "messages/http.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tunerd {

/// What goes back for one request.
struct http_reply {
  int status = 200;
  std::string body = {};
  std::string content_type = "application/json";
  /// Further headers.
  http_headers headers = {};
};

/// What becomes of an answer of unknown length.
enum class stream_change : uint8_t {
  /// All of it so far is with the kernel: there is room for more.
  taken,
  /// The client has gone, did not read, or the server stops. The last one.
  gone,
};

/// Where answers go; the server, or a recorder in tests.
class http_exchange {
public:
  /// Called on a thread of the exchange; must neither block nor throw.
  using stream_listener = std::function<void(stream_change)>;

  virtual ~http_exchange() = default;

  /// Answers exchange `id`. Ignored if the client has gone or was answered.
  /// Any thread.
  virtual void reply(uint64_t id, http_reply answer) = 0;

  /// Takes the socket of exchange `id` out of the server: `taker` is called
  /// with a non-blocking descriptor that it then owns, on the server's thread;
  /// never if the client has gone. Any thread.
  virtual void hand_over(uint64_t id, std::function<void(int)> taker) = 0;

  /// Begins an answer of unknown length to exchange `id`; its body follows in
  /// parts, that of `head` first. Bounds: more than 1 MiB that the client has
  /// not taken, or nothing taken for a while, cut the connection. Any thread.
  /// @param listener Learns what becomes of the answer, until `end`. Told
  /// `gone` at once if the client has gone or was answered, and by exchanges
  /// that have no such answers: those reply 501.
  virtual void begin(uint64_t id, http_reply head, stream_listener listener);

  /// Adds to an answer that was begun. Ignored if it is over. Any thread.
  virtual void append(uint64_t id, std::string part);

  /// Ends an answer that was begun: what was added is still sent. Ignored if it
  /// is over. Any thread.
  virtual void end(uint64_t id);
};

/// An HTTP/1.1 server on a thread of its own.
///
/// Bounds: a request must arrive within `request_timeout` as a whole (else the
/// connection is cut), headers and body below their limits (431, 413), no more
/// than `connections_max` connections (further ones are closed at once).
class http_server : public http_exchange {
public:
  struct options {
    std::string host = "127.0.0.1";
    /// 0 takes a free port.
    uint16_t port = 0;
    size_t header_limit_bytes = 16 * 1024;
    size_t body_limit_bytes = 8 * 1024 * 1024;
    /// From the first byte of a request to its last.
    std::chrono::milliseconds request_timeout{30'000};
    /// How long the handler may take; then 504.
    std::chrono::milliseconds reply_timeout{30'000};
    /// Between two requests of one connection.
    std::chrono::milliseconds idle_timeout{60'000};
    size_t connections_max = 4096;
    /// Makes the answer for what the server itself refuses: 400, 413, 431,
    /// 503, 504. Gets the status, a text and the request's headers if they
    /// were read. Called on the server's thread.
    std::function<http_reply(int, const std::string&, const http_headers&)>
      refuse = {};
  };

  /// Called on the server's thread for each request; must neither block nor
  /// throw.
  using handler = std::function<void(http_call)>;

  /// Binds and listens; serves from `start` on.
  /// @throws std::system_error naming the address if it cannot listen there.
  http_server(options opts, handler on_call);

  /// Calls `stop`.
  ~http_server() override;

  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  /// Starts the thread. Once.
  /// @throws std::logic_error if it was started or stopped before.
  void start();

  /// Accepts nothing more, gives requests under way `grace` to be answered,
  /// closes all connections, joins the thread. What arrives meanwhile gets
  /// 503. Blocks; not on the server's thread. Idempotent.
  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds{0});

  /// @returns the port it listens on.
  uint16_t port() const noexcept;

  void reply(uint64_t id, http_reply answer) override;
  void hand_over(uint64_t id, std::function<void(int)> taker) override;
  void begin(uint64_t id, http_reply head, stream_listener listener) override;
  void append(uint64_t id, std::string part) override;
  void end(uint64_t id) override;

  /// Closes the connection of exchange `id` without an answer. Ignored like a
  /// late reply. Any thread.
  void cut(uint64_t id);

  /// Calls `action` on the server's thread after `delay`, unless the server
  /// stops before. Any thread.
  void after(std::chrono::milliseconds delay, std::function<void()> action);

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace tunerd
