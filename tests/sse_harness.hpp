#pragma once

#include "actors/sse_broadcaster/event_fanout.hpp"
#include "actors/sse_broadcaster/stream_table.hpp"
#include "messages/interfaces.hpp"

#include "tests/deterministic.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tunerd::test {

/// The far end of a stream that is no socket.
struct pipe {
  std::string bytes = {};
  /// What is unread at most.
  size_t capacity = 1 << 20;
  /// The subscriber has gone.
  bool left = false;
  /// The server has closed it.
  bool cut = false;
};

class pipe_sink : public byte_sink {
public:
  explicit pipe_sink(std::shared_ptr<pipe> end) : end_(std::move(end)) {
  }

  ~pipe_sink() override {
    end_->cut = true;
  }

  std::optional<size_t>
  write(std::span<const std::string_view> parts) override {
    if (end_->left)
      return std::nullopt;
    size_t taken = 0;
    for (auto part : parts) {
      part = part.substr(0, end_->capacity - end_->bytes.size());
      end_->bytes.append(part);
      taken += part.size();
    }
    return taken;
  }

private:
  std::shared_ptr<pipe> end_;
};

/// One frame as a client understands it.
struct received {
  int64_t id = 0;
  std::string name = {};
  nlohmann::json data = {};
};

/// Takes the complete frames out of `bytes`; the HTTP head is skipped.
inline std::vector<received> take_frames(std::string& bytes) {
  std::vector<received> result;
  for (size_t end; (end = bytes.find("\n\n")) != std::string::npos;) {
    received frame;
    for (size_t begin = 0; begin < end;) {
      const auto stop = std::min(bytes.find('\n', begin), end);
      const auto line = bytes.substr(begin, stop - begin);
      if (line.starts_with("id: "))
        frame.id = std::stoll(line.substr(4));
      if (line.starts_with("event: "))
        frame.name = line.substr(7);
      if (line.starts_with("data: "))
        frame.data = nlohmann::json::parse(line.substr(6));
      begin = stop + 1;
    }
    bytes.erase(0, end + 2);
    result.push_back(std::move(frame));
  }
  return result;
}

/// The fan-out without thread and sockets: a descriptor is an index into
/// `pipes`, and writing happens in `pump`.
class local_fanout : public event_fanout {
public:
  explicit local_fanout(const config::sse& settings, size_t bytes_max = 1 << 20,
                        metrics_ptr counts = std::make_shared<metrics>(),
                        live<config::auth> rules = {})
    : feed(static_cast<size_t>(settings.ring_events), bytes_max),
      table(feed, settings, std::move(counts), std::move(rules)) {
  }

  /// @returns an index for `open_stream::descriptor`.
  int connect(size_t capacity = 1 << 20) {
    pipes.push_back(std::make_shared<pipe>());
    pipes.back()->capacity = capacity;
    numbers.push_back(0);
    return static_cast<int>(pipes.size()) - 1;
  }

  /// Lets `count` streams write. @returns whether there is more to do.
  bool pump(size_t count = 3) {
    return table.sweep(count);
  }

  void pump_all() {
    while (pump()) {
    }
  }

  /// Takes what a subscriber has received, which makes room.
  std::vector<received> read(int descriptor) {
    const auto i = static_cast<size_t>(descriptor);
    auto frames = take_frames(pipes[i]->bytes);
    table.writable(numbers[i]);
    return frames;
  }

  void attach(std::function<void()> wake) override {
    feed.attach(std::move(wake));
  }
  std::optional<int64_t> cursor() const override {
    return feed.cursor();
  }
  void begin_at(int64_t after, int64_t head) override {
    feed.begin_at(after, head);
    table.request_sweep();
  }
  void publish(const std::vector<event_frame_ptr>& frames, int64_t upto,
               int64_t head) override {
    feed.publish(frames, upto, head);
    table.request_sweep();
  }
  std::optional<page_demand> next_demand() override {
    return feed.next_demand();
  }
  void replay(replay_page page, int64_t head) override {
    ++replays;
    feed.answered(page.stream, head);
    table.take(std::move(page));
  }
  void open(const open_stream& request) override {
    const auto i = static_cast<size_t>(request.descriptor);
    numbers[i] = table.open(request, std::make_unique<pipe_sink>(pipes[i]));
  }
  void beat(timestamp now) override {
    table.beat(now);
  }

  event_feed feed;
  stream_table table;
  std::vector<std::shared_ptr<pipe>> pipes;
  /// What the table calls them.
  std::vector<uint64_t> numbers;
  int replays = 0;
};

/// An event log in memory.
struct memory_log {
  std::vector<event> events = {};
  /// Events before this index were trimmed.
  size_t first = 0;
  int64_t head = 0;

  int64_t append(event x, int64_t skip = 0) {
    x.id = head += 1 + skip;
    events.push_back(std::move(x));
    return head;
  }

  event_page read(const read_events& query) const {
    event_page page{query.ctx};
    page.head = head;
    if (first < events.size())
      page.oldest = events[first].id;
    for (auto i = first; i < events.size(); ++i)
      if (events[i].id > query.after
          && page.events.size() < static_cast<size_t>(query.limit))
        page.events.push_back(events[i]);
    return page;
  }
};

/// The actor in front of a log.
inline event_reader_actor::behavior_type
log_actor(event_reader_actor::pointer, const memory_log* log,
          const caf::error* failure, std::vector<read_events>* asked) {
  return {[=](const read_events& query) -> caf::result<event_page> {
    asked->push_back(query);
    if (*failure)
      return *failure;
    return log->read(query);
  }};
}

} // namespace tunerd::test
