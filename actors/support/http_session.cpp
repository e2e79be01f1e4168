#include "actors/support/http_session.hpp"

#include <boost/asio/write.hpp>

#include <nlohmann/json.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

namespace tunerd {

namespace {

using namespace std::chrono_literals;

/// How long a refused client may go on sending: closing with unread input
/// would reset the connection, and the reset can overtake our answer.
constexpr std::chrono::milliseconds linger = 5s;

/// What a client may leave unread of an answer of unknown length.
constexpr size_t unsent_bytes_max = 1024 * 1024;

constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

std::string address_text(const tcp::socket& socket) {
  boost::system::error_code ec;
  const auto address = socket.remote_endpoint(ec).address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return net::ip::make_address_v4(net::ip::v4_mapped, address.to_v6())
      .to_string();
  return ec ? "" : address.to_string();
}

/// @returns whether the other side has closed or reset the connection.
bool has_gone(int descriptor) {
  char byte = 0;
  const auto n = ::recv(descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

/// @returns `text` without what would end a header line.
std::string one_line(std::string text) {
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n' || c == 0; });
  return text;
}

std::string hex_text(size_t number) {
  std::array<char, 16> digits{};
  const auto end
    = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16)
        .ptr;
  return {digits.data(), end};
}

/// @returns whether answers with `status` have no body and no length.
bool is_bodiless(int status) {
  return status < 200 || status == 204 || status == 304;
}

http_reply plain_refusal(int status, const std::string& text) {
  const nlohmann::json body{{"error", text}, {"status", status}};
  return {.status = status, .body = body.dump()};
}

} // namespace

http_session::http_session(tcp::socket socket, http_connections& shared)
  : socket_(std::move(socket)), shared_(shared),
    deadline_(socket_.get_executor()), peer_(address_text(socket_)) {
}

void http_session::start() {
  boost::system::error_code ignored;
  socket_.set_option(tcp::no_delay{true}, ignored);
  wait_for_request(shared_.opts.request_timeout);
}

void http_session::stop() {
  if (phase_ == phase::idle)
    close();
  else if (phase_ == phase::streaming && !ended_) {
    listener_(stream_change::gone);
    end();
  }
}

void http_session::close() {
  if (phase_ == phase::closed)
    return;
  const auto self = shared_from_this();
  leave();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void http_session::leave() {
  phase_ = phase::closed;
  ++deadline_number_;
  deadline_.cancel();
  shared_.waiting.erase(exchange_);
  shared_.streaming.erase(exchange_);
  if (auto listener = std::exchange(listener_, nullptr))
    listener(stream_change::gone);
  shared_.open.erase(shared_from_this());
  if (shared_.stopping && shared_.open.empty())
    shared_.on_empty();
}

void http_session::expire_in(std::chrono::milliseconds timeout,
                             void (http_session::*then)()) {
  const auto number = ++deadline_number_;
  deadline_.expires_after(timeout);
  deadline_.async_wait([self = shared_from_this(), number, then](error_code) {
    if (number == self->deadline_number_)
      (*self.*then)();
  });
}

// -- reading ------------------------------------------------------------------

void http_session::wait_for_request(std::chrono::milliseconds timeout) {
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(shared_.opts.header_limit_bytes));
  parser_->body_limit(shared_.opts.body_limit_bytes);
  phase_ = phase::idle;
  if (buffer_.size() > 0)
    return read_head();
  if (shared_.stopping)
    return close();
  expire_in(timeout, &http_session::close);
  socket_.async_wait(tcp::socket::wait_read,
                     [self = shared_from_this()](error_code) {
                       if (self->phase_ == phase::idle)
                         self->read_head();
                     });
}

void http_session::read_head() {
  phase_ = phase::reading;
  // Of the whole request: a byte now and then does not extend it.
  expire_in(shared_.opts.request_timeout, &http_session::close);
  http::async_read_header(
    socket_, buffer_, *parser_,
    [self = shared_from_this()](error_code ec, size_t) { self->on_head(ec); });
}

void http_session::on_head(error_code ec) {
  if (phase_ != phase::reading)
    return;
  if (ec)
    return on_unreadable(ec);
  const auto& request = parser_->get();
  if (!parser_->is_done() && request.version() >= 11
      && boost::beast::iequals(request[http::field::expect], "100-continue"))
    return invite_body();
  read_body();
}

void http_session::invite_body() {
  net::async_write(socket_, net::buffer(continue_line),
                   [self = shared_from_this()](error_code ec, size_t) {
                     if (self->phase_ != phase::reading)
                       return;
                     ec ? self->close() : self->read_body();
                   });
}

void http_session::read_body() {
  if (parser_->is_done())
    return deliver();
  http::async_read(
    socket_, buffer_, *parser_,
    [self = shared_from_this()](error_code ec, size_t) { self->on_body(ec); });
}

void http_session::on_body(error_code ec) {
  if (phase_ != phase::reading)
    return;
  ec ? on_unreadable(ec) : deliver();
}

void http_session::on_unreadable(error_code ec) {
  using http::error;
  static const error_code end{error::end_of_stream};
  if (ec == error::body_limit)
    return refuse(413, "request body too large", false);
  if (ec == error::header_limit)
    return refuse(431, "request header too large", false);
  if (ec == end || ec == error::partial_message
      || ec.category() != end.category())
    return close(); // There is nobody left to answer.
  refuse(400, "malformed request: " + ec.message(), false);
}

// -- answering ----------------------------------------------------------------

void http_session::deliver() {
  if (shared_.stopping)
    return refuse(503, "shutting down", false);
  phase_ = phase::answering;
  exchange_ = ++shared_.last_id;
  shared_.waiting.emplace(exchange_, shared_from_this());
  expire_in(shared_.opts.reply_timeout, &http_session::overdue);
  shared_.on_call(call());
}

void http_session::overdue() {
  shared_.waiting.erase(exchange_);
  refuse(504, "no answer in time", true);
}

void http_session::reply(const http_reply& answer) {
  write(answer, true);
}

void http_session::hand_over(const std::function<void(int)>& taker) {
  error_code ec;
  if (has_gone(socket_.native_handle()) || socket_.non_blocking(true, ec))
    return close();
  const auto descriptor = socket_.release(ec);
  if (ec)
    return close();
  const auto self = shared_from_this();
  leave();
  taker(descriptor);
}

void http_session::refuse(int status, const std::string& text,
                          bool keep_alive) {
  write(shared_.opts.refuse ? shared_.opts.refuse(status, text, headers())
                            : plain_refusal(status, text),
        keep_alive);
}

void http_session::write(const http_reply& answer, bool keep_alive) {
  phase_ = phase::writing;
  const auto& request = parser_->get();
  auto& response = response_.emplace();
  response.version(request.version() == 10 ? 10 : 11);
  response.result(static_cast<unsigned>(answer.status));
  for (const auto& [name, value] : answer.headers)
    response.insert(one_line(name), one_line(value));
  if (!is_bodiless(answer.status)) {
    response.set(http::field::content_type, one_line(answer.content_type));
    response.content_length(answer.body.size());
    if (!head_only())
      response.body() = answer.body;
  }
  response.keep_alive(keep_alive && !shared_.stopping && request.keep_alive());
  expire_in(shared_.opts.request_timeout, &http_session::close);
  http::async_write(socket_, response,
                    [self = shared_from_this()](error_code ec, size_t) {
                      self->on_written(ec);
                    });
}

void http_session::on_written(error_code ec) {
  if (phase_ != phase::writing)
    return;
  if (ec)
    return close();
  if (!response_->keep_alive())
    return drain();
  response_.reset();
  wait_for_request(shared_.opts.idle_timeout);
}

void http_session::drain() {
  const auto reading = phase_ == phase::streaming;
  phase_ = phase::draining;
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  expire_in(std::min(linger, shared_.opts.request_timeout),
            &http_session::close);
  if (!reading)
    read_away();
}

void http_session::read_away() {
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(64 * 1024),
                          [self = shared_from_this()](error_code ec, size_t) {
                            if (self->phase_ == phase::draining
                                || self->phase_ == phase::streaming)
                              ec ? self->close() : self->read_away();
                          });
}

// -- streaming ----------------------------------------------------------------

void http_session::begin(const http_reply& head,
                         http_exchange::stream_listener listener) {
  const auto& request = parser_->get();
  http::response<http::empty_body> response;
  chunked_ = request.version() >= 11;
  response.version(chunked_ ? 11 : 10);
  response.result(static_cast<unsigned>(head.status));
  for (const auto& [name, value] : head.headers)
    response.insert(one_line(name), one_line(value));
  response.set(http::field::content_type, one_line(head.content_type));
  response.chunked(chunked_);
  response.keep_alive(false);
  std::ostringstream out;
  out << response.base();
  unsent_ = out.str();
  listener_ = std::move(listener);
  phase_ = phase::streaming;
  shared_.streaming.emplace(exchange_, shared_from_this());
  read_away(); // sees the client leave
  if (head_only())
    return end();
  if (!head.body.empty())
    return append(head.body);
  send_parts();
}

void http_session::append(std::string_view part) {
  if (ended_ || part.empty())
    return; // an empty chunk would end the answer
  if (unsent_.size() + sending_.size() + part.size() > unsent_bytes_max)
    return close();
  if (chunked_)
    unsent_.append(hex_text(part.size())).append("\r\n");
  unsent_.append(part);
  if (chunked_)
    unsent_.append("\r\n");
  send_parts();
}

void http_session::end() {
  if (std::exchange(ended_, true))
    return;
  listener_ = nullptr;
  if (chunked_ && !head_only())
    unsent_.append("0\r\n\r\n");
  send_parts();
}

void http_session::send_parts() {
  if (!sending_.empty())
    return;
  sending_ = std::exchange(unsent_, {});
  expire_in(shared_.opts.request_timeout, &http_session::close);
  net::async_write(socket_, net::buffer(sending_),
                   [self = shared_from_this()](error_code ec, size_t) {
                     if (self->phase_ == phase::streaming)
                       self->on_sent(ec);
                   });
}

void http_session::on_sent(error_code ec) {
  if (ec)
    return close();
  sending_.clear();
  ++deadline_number_; // the next part may be long in coming
  if (!unsent_.empty())
    return send_parts();
  if (ended_)
    return drain();
  listener_(stream_change::taken);
}

// -- the request as a value ---------------------------------------------------

http_call http_session::call() const {
  const auto& request = parser_->get();
  return {
    .id = exchange_,
    .method = std::string{request.method_string()},
    .target = std::string{request.target()},
    .headers = headers(),
    .body = request.body(),
    .peer = peer_,
  };
}

http_headers http_session::headers() const {
  http_headers result;
  for (const auto& field : parser_->get()) {
    std::string name{field.name_string()};
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    result.emplace_back(std::move(name), std::string{field.value()});
  }
  return result;
}

bool http_session::head_only() const {
  return parser_->get().method() == http::verb::head;
}

} // namespace tunerd
