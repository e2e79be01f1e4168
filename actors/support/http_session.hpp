#pragma once

#include "actors/support/http_server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <optional>
#include <set>
#include <string>
#include <unordered_map>

// Private to http_server.cpp and http_session.cpp: the only files with Beast.
// Everything here lives on the server's thread.

namespace tunerd {

namespace net = boost::asio;
namespace http = boost::beast::http;
using tcp = net::ip::tcp;

class http_session;

/// What the connections of one server share.
struct http_connections {
  http_server::options opts;
  http_server::handler on_call;
  /// Leaves when it is closed or handed over; at most `connections_max`.
  std::set<std::shared_ptr<http_session>> open = {};
  /// Exchanges without an answer; at most one per open connection.
  std::unordered_map<uint64_t, std::shared_ptr<http_session>> waiting = {};
  /// Answers of unknown length under way; at most one per open connection.
  std::unordered_map<uint64_t, std::shared_ptr<http_session>> streaming = {};
  uint64_t last_id = 0;
  bool stopping = false;
  /// Called when the last connection has gone while stopping.
  std::function<void()> on_empty = {};
};

/// One connection. It reads a request, waits for its answer, writes it, and
/// only then reads on: pipelined requests wait in the buffer. At any time it
/// has at most one operation under way and one deadline armed; while it streams
/// an answer it also reads, to see the client leave. Such an answer is the last
/// of its connection.
class http_session : public std::enable_shared_from_this<http_session> {
public:
  http_session(tcp::socket socket, http_connections& shared);

  /// Reads the first request.
  void start();

  /// Answers the exchange that was under way when it left `waiting`.
  void reply(const http_reply& answer);

  /// The same with an answer of unknown length, see `http_exchange`.
  void begin(const http_reply& head, http_exchange::stream_listener listener);
  void append(std::string_view part);
  void end();

  /// Gives the socket away. Closes it instead if the client has gone.
  void hand_over(const std::function<void(int)>& taker);

  /// Closes at once what is between two requests; the rest ends with its
  /// current request.
  void stop();

  /// Closes at once. Idempotent.
  void close();

private:
  enum class phase {
    idle,
    reading,
    answering,
    writing,
    streaming,
    draining,
    closed,
  };
  using error_code = boost::system::error_code;

  void wait_for_request(std::chrono::milliseconds timeout);
  void read_head();
  void on_head(error_code ec);
  void invite_body();
  void read_body();
  void on_body(error_code ec);
  void on_unreadable(error_code ec);
  void deliver();
  void overdue();
  void refuse(int status, const std::string& text, bool keep_alive);
  void write(const http_reply& answer, bool keep_alive);
  void on_written(error_code ec);
  void drain();
  void read_away();
  void send_parts();
  void on_sent(error_code ec);

  http_call call() const;
  http_headers headers() const;
  bool head_only() const;

  /// Calls `then` after `timeout` unless another deadline replaces it.
  void expire_in(std::chrono::milliseconds timeout,
                 void (http_session::*then)());
  void leave();

  tcp::socket socket_;
  http_connections& shared_;
  net::steady_timer deadline_;
  /// Tells a deadline that was replaced while its handler was queued.
  uint64_t deadline_number_ = 0;
  phase phase_ = phase::idle;
  std::string peer_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
  uint64_t exchange_ = 0;

  /// Of the answer that streams. What was added, framed, and not handed to the
  /// kernel yet: on its way, and behind that. Together bounded.
  std::string sending_;
  std::string unsent_;
  http_exchange::stream_listener listener_;
  bool chunked_ = false;
  /// All parts were added.
  bool ended_ = false;
};

} // namespace tunerd
