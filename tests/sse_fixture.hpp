#pragma once

#include "actors/sse_broadcaster/sse_broadcaster.hpp"

#include "tests/sse_harness.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tunerd::test {

using namespace std::chrono_literals;

/// The broadcaster before a log in memory and streams without sockets.
struct sse_fixture : deterministic {
  sse_fixture() {
    settings.ring_events = 16;
    renew_fanout();
    reader = spawn(log_actor, &log, &failure, &asked);
  }

  void start() {
    aut = spawn(
      sse_broadcaster,
      sse_settings{settings,
                   {[this] { return now(); }, [] { return uint64_t{7}; }},
                   counts},
      reader, std::shared_ptr<event_fanout>{fanout});
    run();
  }

  /// As the settings say.
  void renew_fanout() {
    fanout = std::make_shared<local_fanout>(settings, 1 << 20, counts, rules);
  }

  void crash() {
    caf::anon_send_exit(aut, caf::exit_reason::kill);
    run();
  }

  /// Delivers and writes until nothing moves.
  void run() {
    do {
      settle();
      fanout->pump_all();
    } while (sched.has_job());
  }

  void run(caf::timespan time) {
    for (caf::timespan t{0}; t < time; t += 500ms) {
      advance(500ms);
      run();
    }
  }

  void append(int count, const std::string& type = "job_status_changed",
              const std::string& user = "alice") {
    for (int i = 0; i < count; ++i)
      log.append({0, now(), type, "j1", user});
  }

  void hint() {
    caf::anon_send(aut, events_appended{log.head, log.head});
    run();
  }

  int open(const std::string& last_event_id = {}, size_t capacity = 1 << 20) {
    return open(last_event_id, caller{}, capacity);
  }

  int open(const std::string& last_event_id, const caller& who,
           size_t capacity = 1 << 20) {
    return open(last_event_id, who, {}, capacity);
  }

  int open(const std::string& last_event_id, const caller& who,
           std::vector<std::string> types, size_t capacity = 1 << 20) {
    open_stream request{{"corr-9"}, fanout->connect(capacity), who, "c"};
    request.types = std::move(types);
    request.last_event_id = last_event_id;
    request.accepted = "HTTP/1.1 200 OK\n\n";
    request.refused = "HTTP/1.1 503 no\n\n";
    const auto descriptor = request.descriptor;
    caf::anon_send(aut, std::move(request));
    run();
    return descriptor;
  }

  /// @returns what came on a stream, e.g. "connection 5, 6, 7, gap 9".
  std::string read(int descriptor) {
    std::string result;
    for (;;) {
      const auto frames = fanout->read(descriptor);
      run();
      if (frames.empty())
        return result;
      for (const auto& x : frames) {
        if (x.data.is_null())
          continue; // the HTTP head
        result += result.empty() ? "" : ", ";
        if (!x.name.empty())
          result += x.name + ' ';
        result += std::to_string(x.id);
      }
    }
  }

  std::string ids(int64_t from, int64_t to) {
    std::string result;
    for (auto id = from; id <= to; ++id)
      result += ", " + std::to_string(id);
    return result;
  }

  bool is_cut(int descriptor) {
    return fanout->pipes[static_cast<size_t>(descriptor)]->cut;
  }

  config::sse settings;
  live<config::auth> rules;
  metrics_ptr counts = std::make_shared<metrics>();
  memory_log log;
  caf::error failure;
  std::vector<read_events> asked;
  std::shared_ptr<local_fanout> fanout;
  event_reader_actor reader;
  sse_broadcaster_actor aut;
};

} // namespace tunerd::test
