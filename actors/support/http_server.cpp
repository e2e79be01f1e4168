#include "actors/support/http_server.hpp"

#include "actors/support/http_session.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace tunerd {

namespace {

using namespace std::chrono_literals;

int open_spare() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

[[noreturn]] void cannot_listen(const http_server::options& opts,
                                const std::error_code& ec) {
  throw std::system_error{ec, "cannot listen on " + opts.host + ":"
                                + std::to_string(opts.port)};
}

} // namespace

void http_exchange::begin(uint64_t id, http_reply, stream_listener listener) {
  reply(id, {.status = 501});
  listener(stream_change::gone);
}

void http_exchange::append(uint64_t, std::string) {
}

void http_exchange::end(uint64_t) {
}

/// Everything below `io` is touched on the server's thread only, once started.
struct http_server::impl {
  impl(options opts, handler on_call)
    : shared{.opts = std::move(opts), .on_call = std::move(on_call)} {
    shared.on_empty = [this] { io.stop(); };
    listen();
    spare = open_spare();
  }

  ~impl() {
    if (spare >= 0)
      ::close(spare);
  }

  void listen() {
    const auto& opts = shared.opts;
    auto host = opts.host;
    if (host.size() > 1 && host.front() == '[' && host.back() == ']')
      host = host.substr(1, host.size() - 2);
    try {
      const tcp::endpoint endpoint
        = *tcp::resolver{io}
             .resolve(host, std::to_string(opts.port),
                      tcp::resolver::passive | tcp::resolver::numeric_service)
             .begin();
      acceptor.open(endpoint.protocol());
      acceptor.set_option(net::socket_base::reuse_address{true});
      acceptor.bind(endpoint);
      acceptor.listen();
      port = acceptor.local_endpoint().port();
    } catch (const boost::system::system_error& e) {
      cannot_listen(opts, e.code());
    }
  }

  // -- accepting --------------------------------------------------------------

  void accept() {
    acceptor.async_accept(
      [this](boost::system::error_code ec, tcp::socket socket) {
        on_accept(ec, std::move(socket));
      });
  }

  void on_accept(boost::system::error_code ec, tcp::socket socket) {
    if (shared.stopping)
      return;
    if (!ec)
      admit(std::move(socket));
    else if (ec != net::error::no_descriptors || !shed())
      return retry_later();
    accept();
  }

  void admit(tcp::socket socket) {
    if (shared.open.size() >= shared.opts.connections_max)
      return; // Closes it.
    auto session = std::make_shared<http_session>(std::move(socket), shared);
    shared.open.insert(session);
    session->start();
  }

  /// Out of descriptors: takes the connection with the spare one and closes
  /// it. Left in the backlog it would wake the loop again and again.
  bool shed() {
    if (spare < 0)
      return false;
    ::close(spare);
    const auto victim = ::accept(acceptor.native_handle(), nullptr, nullptr);
    if (victim >= 0)
      ::close(victim);
    spare = open_spare();
    return victim >= 0;
  }

  void retry_later() {
    if (spare < 0)
      spare = open_spare();
    pause.expires_after(100ms);
    pause.async_wait([this](boost::system::error_code ec) {
      if (!ec && !shared.stopping)
        accept();
    });
  }

  // -- answers ----------------------------------------------------------------

  /// Takes exchange `id` out of the waiting ones. @returns null if it is not.
  std::shared_ptr<http_session> take(uint64_t id) {
    const auto found = shared.waiting.extract(id);
    return found ? found.mapped() : nullptr;
  }

  /// @returns the session that streams its answer to `id`; null if none does.
  std::shared_ptr<http_session> streaming(uint64_t id) const {
    const auto i = shared.streaming.find(id);
    return i == shared.streaming.end() ? nullptr : i->second;
  }

  // -- stopping ---------------------------------------------------------------

  void stop(std::chrono::milliseconds grace) {
    shared.stopping = true;
    boost::system::error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
    for (const auto& session : copy(shared.open))
      session->stop();
    if (shared.open.empty())
      return io.stop();
    deadline.expires_after(grace);
    deadline.async_wait([this](boost::system::error_code) {
      for (const auto& session : copy(shared.open))
        session->close();
    });
  }

  /// Closing removes from the set that is walked over.
  template <class Set>
  static Set copy(const Set& set) {
    return set;
  }

  net::io_context io{1};
  http_connections shared;
  tcp::acceptor acceptor{io};
  net::steady_timer pause{io};
  net::steady_timer deadline{io};
  uint16_t port = 0;
  /// Given up for a moment when there are no descriptors left; -1 if none.
  int spare = -1;

  std::mutex life;
  std::thread thread;
};

http_server::http_server(options opts, handler on_call)
  : impl_(std::make_shared<impl>(std::move(opts), std::move(on_call))) {
}

http_server::~http_server() {
  stop();
}

void http_server::start() {
  std::scoped_lock lock{impl_->life};
  if (impl_->thread.joinable() || impl_->io.stopped())
    throw std::logic_error{"http_server: started twice"};
  impl_->accept();
  impl_->thread = std::thread{[self = impl_.get()] { self->io.run(); }};
}

void http_server::stop(std::chrono::milliseconds grace) {
  std::scoped_lock lock{impl_->life};
  if (impl_->thread.joinable()) {
    net::post(impl_->io, [self = impl_.get(), grace] { self->stop(grace); });
    impl_->thread.join();
  }
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
  impl_->io.stop();
}

uint16_t http_server::port() const noexcept {
  return impl_->port;
}

void http_server::reply(uint64_t id, http_reply answer) {
  net::post(impl_->io, [self = impl_.get(), id, answer = std::move(answer)] {
    if (const auto session = self->take(id))
      session->reply(answer);
  });
}

void http_server::hand_over(uint64_t id, std::function<void(int)> taker) {
  net::post(impl_->io, [self = impl_.get(), id, taker = std::move(taker)] {
    if (const auto session = self->take(id))
      session->hand_over(taker);
  });
}

void http_server::begin(uint64_t id, http_reply head,
                        stream_listener listener) {
  net::post(impl_->io, [self = impl_.get(), id, head = std::move(head),
                        listener = std::move(listener)] {
    if (const auto session = self->take(id))
      session->begin(head, listener);
    else
      listener(stream_change::gone);
  });
}

void http_server::append(uint64_t id, std::string part) {
  net::post(impl_->io, [self = impl_.get(), id, part = std::move(part)] {
    if (const auto session = self->streaming(id))
      session->append(part);
  });
}

void http_server::end(uint64_t id) {
  net::post(impl_->io, [self = impl_.get(), id] {
    if (const auto session = self->streaming(id))
      session->end();
  });
}

void http_server::cut(uint64_t id) {
  net::post(impl_->io, [self = impl_.get(), id] {
    if (const auto session = self->take(id))
      session->close();
  });
}

void http_server::after(std::chrono::milliseconds delay,
                        std::function<void()> action) {
  net::post(impl_->io, [self = impl_.get(), delay, action] {
    auto timer = std::make_shared<net::steady_timer>(self->io, delay);
    timer->async_wait([timer, action](boost::system::error_code ec) {
      if (!ec)
        action();
    });
  });
}

} // namespace tunerd
