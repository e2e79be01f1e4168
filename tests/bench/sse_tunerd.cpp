#include "tests/bench/sse_subjects.hpp"

#include "tests/bench/sse_clients.hpp"

#include "actors/sse_broadcaster/sse_broadcaster.hpp"
#include "actors/sse_broadcaster/sse_fanout.hpp"
#include "messages/type_ids.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>

// The subject: broadcaster and SSE thread as the daemon has them.

namespace tunerd::bench {

namespace {

timestamp now() {
  return std::chrono::time_point_cast<caf::timespan>(
    std::chrono::system_clock::now());
}

/// Brings a frame to `sse_event_bytes`.
const std::string padding(23, 'x');

/// The event log without its disk: what is old is made up when it is read.
class made_up_log {
public:
  /// @returns the id of the last of `count` events that happen now.
  int64_t append(int count) {
    std::lock_guard guard{mutex_};
    for (int i = 0; i < count; ++i)
      marks_.push_back(marked_now());
    while (marks_.size() > 100'000)
      marks_.pop_front();
    return head_ += count;
  }

  void pretend(int64_t count) {
    std::lock_guard guard{mutex_};
    head_ += count;
    marks_.clear();
  }

  event_page read(const read_events& query) const {
    std::lock_guard guard{mutex_};
    event_page page{query.ctx};
    page.head = head_;
    page.oldest = head_ == 0 ? 0 : 1;
    const auto last
      = std::min(head_, query.after + static_cast<int64_t>(query.limit));
    for (auto id = query.after + 1; id <= last; ++id)
      page.events.push_back(nth(id));
    return page;
  }

private:
  event nth(int64_t id) const {
    const auto back = static_cast<size_t>(head_ - id);
    const auto mark = back < marks_.size() ? marks_[marks_.size() - 1 - back]
                                           : time_mark + std::string(19, '9');
    return {id,
            now_,
            "job_status_changed",
            "0f8e2d6a41c3",
            "user7",
            "acme",
            "5c1e9d0b7a24",
            R"({"status":"running","note":")" + mark + padding + "\"}"};
  }

  mutable std::mutex mutex_;
  timestamp now_ = now();
  int64_t head_ = 0;
  /// Of the newest events.
  std::deque<std::string> marks_;
};

event_reader_actor::behavior_type
log_of(event_reader_actor::pointer, std::shared_ptr<const made_up_log> log) {
  return {[log](const read_events& query) { return log->read(query); }};
}

class tunerd_streams : public sse_subject {
public:
  tunerd_streams()
    : fanout_(std::make_shared<sse_fanout>(limits(), counts_)),
      system_(config_), reader_(system_.spawn(log_of, log_)),
      broadcaster_(system_.spawn(
        sse_broadcaster,
        sse_settings{limits(), {now, [this] { return ++random_; }}, counts_},
        reader_, std::shared_ptr<event_fanout>{fanout_})),
      acceptor_(
        [this](int fd, const std::string& target) { open(fd, target); }) {
  }

  ~tunerd_streams() override {
    acceptor_.stop();
    fanout_->stop();
    caf::anon_send_exit(broadcaster_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(reader_, caf::exit_reason::user_shutdown);
    broadcaster_ = nullptr;
    reader_ = nullptr;
  }

  uint16_t port() const override {
    return acceptor_.port();
  }

  std::string live_path() const override {
    return "/api/events";
  }

  std::string replay_path() const override {
    return "/api/events?last_event_id=0";
  }

  void publish(int count) override {
    const auto last = log_->append(count);
    caf::anon_send(broadcaster_, events_appended{last - count + 1, last});
  }

  void remember(int64_t count) override {
    log_->pretend(count);
  }

  int64_t resident_bytes() const override {
    return resident_bytes_of();
  }

  int64_t cut() const override {
    return static_cast<int64_t>(counts_->subscribers_cut.value());
  }

private:
  static tunerd::config::sse limits() {
    return {.max_connections = 100'000, .max_per_client = 100'000};
  }

  void open(int fd, const std::string& target) {
    open_stream request{{"bench"}, fd, {}, "127.0.0.1"};
    if (const auto i = target.find('='); i != target.npos)
      request.last_event_id = target.substr(i + 1);
    request.accepted = "HTTP/1.1 200 OK\r\n"
                       "Content-Type: text/event-stream\r\n"
                       "Connection: close\r\n\r\n";
    caf::anon_send(broadcaster_, std::move(request));
  }

  struct system_config : caf::actor_system_config {
    system_config() {
      add_message_types<caf::id_block::tunerd>();
      set("scheduler.policy", caf::atom("sharing"));
      set("scheduler.max-threads", size_t{2});
    }
  };

  std::shared_ptr<made_up_log> log_ = std::make_shared<made_up_log>();
  metrics_ptr counts_ = std::make_shared<metrics>();
  std::atomic<uint64_t> random_ = 0;
  std::shared_ptr<sse_fanout> fanout_;
  system_config config_;
  caf::actor_system system_;
  event_reader_actor reader_;
  sse_broadcaster_actor broadcaster_;
  sse_acceptor acceptor_;
};

} // namespace

std::unique_ptr<sse_subject> make_tunerd_streams() {
  return std::make_unique<tunerd_streams>();
}

} // namespace tunerd::bench
