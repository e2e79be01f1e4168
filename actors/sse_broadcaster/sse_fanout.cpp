#include "actors/sse_broadcaster/sse_fanout.hpp"

#include "actors/sse_broadcaster/socket_sink.hpp"
#include "actors/sse_broadcaster/stream_table.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Raw epoll instead of Asio: every socket is registered once, edge-triggered,
// for its whole life, so waiting for room and noticing a close cost nothing per
// event; writes need sendmsg for MSG_NOSIGNAL anyway.

namespace tunerd {

namespace {

constexpr size_t ring_bytes_max = 64 * 1024 * 1024;

/// Streams that write before the thread looks at sockets and commands again.
constexpr size_t sweep_slice = 256;

constexpr size_t epoll_events_max = 256;

/// Numbers of streams start at 1.
constexpr uint64_t wake_number = 0;

int checked(int descriptor, const char* what) {
  if (descriptor < 0)
    throw std::system_error(errno, std::generic_category(), what);
  return descriptor;
}

struct descriptor_owner {
  int value;
  ~descriptor_owner() {
    ::close(value);
  }
};

} // namespace

struct sse_fanout::impl {
  impl(const config::sse& settings, metrics_ptr counts,
       live<config::auth> rules);

  // -- any thread -------------------------------------------------------------

  /// Lets `put` add to the inbox, unless it is closed, and wakes the thread.
  template <class F>
  void add(F put);

  /// Makes the thread look at `inbox` and, if it `advanced`, at the ring.
  void wake();
  /// The ring has advanced.
  void wake_all();

  // -- the SSE thread ---------------------------------------------------------

  void run();
  void wait(int milliseconds);
  void on_event(const epoll_event& event);
  void take_inbox();
  void open(open_stream& request, std::unique_ptr<socket_sink> sink);

  /// What the actor wants done, in one lot: opens before pages before a beat.
  struct commands {
    /// As many as there are sockets handed over and not yet looked at.
    std::vector<std::pair<open_stream, std::unique_ptr<socket_sink>>> opens;
    /// At most one per demand.
    std::vector<replay_page> pages;
    std::optional<timestamp> beat;
    bool stop = false;
  };

  event_feed feed;
  stream_table table;
  descriptor_owner epoll;
  descriptor_owner eventfd;
  std::atomic<bool> woken = false;
  std::atomic<bool> advanced = false;
  std::atomic<size_t> streams = 0;
  std::mutex mutex;
  /// Guarded by `mutex`.
  commands inbox;
  /// Guarded by `mutex`. Nothing goes into the inbox any more.
  bool closed = false;
  /// Of the thread: whether it goes on.
  bool running = true;
  std::thread thread;
};

sse_fanout::impl::impl(const config::sse& settings, metrics_ptr counts,
                       live<config::auth> rules)
  : feed(static_cast<size_t>(settings.ring_events), ring_bytes_max),
    table(feed, settings, std::move(counts), std::move(rules)),
    epoll{checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")},
    eventfd{checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")} {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = wake_number;
  checked(::epoll_ctl(epoll.value, EPOLL_CTL_ADD, eventfd.value, &event),
          "epoll_ctl");
  thread = std::thread{[this] { run(); }};
}

template <class F>
void sse_fanout::impl::add(F put) {
  {
    std::lock_guard guard{mutex};
    if (closed)
      return;
    put(inbox);
  }
  wake();
}

void sse_fanout::impl::wake() {
  if (woken.exchange(true))
    return; // one wake-up for any number of changes
  const uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(eventfd.value, &one, sizeof(one));
}

void sse_fanout::impl::wake_all() {
  advanced = true;
  wake();
}

void sse_fanout::impl::run() {
  bool more = false;
  while (running) {
    wait(more ? 0 : -1);
    take_inbox();
    more = table.sweep(sweep_slice);
    streams = table.size();
  }
  table.close_all();
  streams = 0;
}

void sse_fanout::impl::wait(int milliseconds) {
  std::array<epoll_event, epoll_events_max> events;
  const auto n = ::epoll_wait(epoll.value, events.data(),
                              static_cast<int>(events.size()), milliseconds);
  for (int i = 0; i < n; ++i)
    on_event(events[static_cast<size_t>(i)]);
}

void sse_fanout::impl::on_event(const epoll_event& event) {
  if (event.data.u64 == wake_number) {
    uint64_t count = 0;
    [[maybe_unused]] auto n = ::read(eventfd.value, &count, sizeof(count));
    woken = false; // before the inbox is read: later changes wake again
    if (advanced.exchange(false))
      table.request_sweep();
    return;
  }
  if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
    return table.close(event.data.u64);
  table.writable(event.data.u64);
}

void sse_fanout::impl::take_inbox() {
  commands work;
  {
    std::lock_guard guard{mutex};
    work = std::exchange(inbox, {});
  }
  for (auto& [request, sink] : work.opens)
    open(request, std::move(sink));
  for (auto& page : work.pages)
    table.take(std::move(page));
  if (work.beat)
    table.beat(*work.beat);
  running = running && !work.stop;
}

void sse_fanout::impl::open(open_stream& request,
                            std::unique_ptr<socket_sink> sink) {
  const auto descriptor = sink->descriptor();
  const auto number = table.open(request, std::move(sink));
  if (number == 0)
    return;
  epoll_event event{};
  // Not EPOLLIN: a subscriber has nothing to say. What it says all the same
  // stays in the kernel, bounded there.
  event.events = EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = number;
  if (::epoll_ctl(epoll.value, EPOLL_CTL_ADD, descriptor, &event) != 0)
    table.close(number);
}

// -- what the actor and the composition root call -----------------------------

sse_fanout::sse_fanout(const config::sse& settings, metrics_ptr counts,
                       live<config::auth> rules)
  : impl_(
    std::make_unique<impl>(settings, std::move(counts), std::move(rules))) {
}

sse_fanout::~sse_fanout() {
  stop();
}

void sse_fanout::stop() {
  {
    std::lock_guard guard{impl_->mutex};
    impl_->closed = true;
    impl_->inbox.stop = true;
  }
  impl_->wake();
  if (impl_->thread.joinable())
    impl_->thread.join();
  impl_->feed.attach(nullptr);
}

size_t sse_fanout::streams() const noexcept {
  return impl_->streams;
}

void sse_fanout::attach(std::function<void()> wake) {
  impl_->feed.attach(std::move(wake));
}

std::optional<int64_t> sse_fanout::cursor() const {
  return impl_->feed.cursor();
}

void sse_fanout::begin_at(int64_t after, int64_t head) {
  impl_->feed.begin_at(after, head);
  impl_->wake_all();
}

void sse_fanout::publish(const std::vector<event_frame_ptr>& frames,
                         int64_t upto, int64_t head) {
  impl_->feed.publish(frames, upto, head);
  if (!frames.empty())
    impl_->wake_all();
}

std::optional<page_demand> sse_fanout::next_demand() {
  return impl_->feed.next_demand();
}

void sse_fanout::replay(replay_page page, int64_t head) {
  impl_->feed.answered(page.stream, head);
  impl_->add(
    [&](impl::commands& inbox) { inbox.pages.push_back(std::move(page)); });
}

void sse_fanout::open(const open_stream& request) {
  auto sink = std::make_unique<socket_sink>(request.descriptor);
  impl_->add([&](impl::commands& inbox) {
    inbox.opens.emplace_back(request, std::move(sink));
  });
}

void sse_fanout::beat(timestamp now) {
  impl_->add([&](impl::commands& inbox) { inbox.beat = now; });
}

} // namespace tunerd
