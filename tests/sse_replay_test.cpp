#include "actors/sse_broadcaster/sse_broadcaster.hpp"

#include "tests/sse_harness.hpp"

#include <algorithm>
#include <random>
#include <set>

// The promise of the event stream under random schedules: every subscriber
// sees every event it may see exactly once and in order, or is told a gap,
// whatever fails and restarts meanwhile.

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

const char* const types[]
  = {"job_status_changed", "queue_changed", "worker_status",
     "approval_required", "limits_changed"};
const char* const users[] = {"alice", "bob", "carol", ""};

/// Someone who reconnects for ever and remembers what it saw.
struct client {
  subscription wanted;
  /// Of the open stream; none while it is away.
  std::optional<int> descriptor = {};
  /// Where its first stream began.
  std::optional<int64_t> base = {};
  int64_t last_id = 0;
  std::vector<int64_t> seen = {};
  std::vector<std::pair<int64_t, int64_t>> gaps = {};
};

struct replay_fixture : test::deterministic {
  size_t pick(size_t n) {
    return rng() % n;
  }

  ~replay_fixture() {
    kill_actor();
  }

  /// Some take a frame at a time. Half a frame is not read, so it must fit.
  size_t pipe_bytes() {
    return 600 + pick(3'000);
  }

  void begin(uint64_t seed) {
    rng.seed(seed);
    log = {};
    failure = caf::none;
    settings.ring_events = static_cast<int32_t>(1 + pick(40));
    settings.heartbeat = std::chrono::seconds{1 + pick(4)};
    clients.clear();
    for (size_t i = 0; i < 4; ++i) {
      client x;
      x.wanted.who
        = {users[pick(3)], "", "",
           pick(2) == 0 ? caller_level::admin : caller_level::viewer};
      if (pick(3) == 0)
        x.wanted.types = {"job_status_changed"};
      clients.push_back(x);
    }
    start_daemon();
  }

  void start_daemon() {
    fanout = std::make_shared<test::local_fanout>(settings, 1 + pick(20'000));
    start_actor();
  }

  void start_actor() {
    auto env = outside{[this] { return now(); }, [] { return uint64_t{7}; }};
    aut = sys.spawn(sse_broadcaster, sse_settings{settings, env}, reader,
                    std::shared_ptr<event_fanout>{fanout});
  }

  void kill_actor() {
    if (aut)
      caf::anon_send_exit(aut, caf::exit_reason::kill);
    settle();
    aut = nullptr;
  }

  /// One thing that may happen at any time.
  void step() {
    auto& who = clients[pick(clients.size())];
    switch (pick(16)) {
      case 0:
      case 1:
      case 2: return append(1 + pick(pick(16) == 0 ? 300 : 6));
      case 3: return caf::anon_send(aut, events_appended{log.head, log.head});
      case 4:
      case 5: return connect(who);
      case 6: return leave(who);
      case 7:
      case 8: return read(who);
      case 9: sched.advance_time(std::chrono::milliseconds{pick(900)}); return;
      case 10:
        if (pick(6) != 0)
          return;
        kill_actor();
        return start_actor();
      case 11: return restart_daemon();
      case 12: return trim();
      case 13:
        failure = pick(3) == 0 ? make_error(ec::database_error, "locked")
                               : caf::error{};
        return;
      default:
        for (auto n = pick(20); n > 0; --n)
          sched.try_run_once();
        fanout->pump(pick(4));
    }
  }

  void append(size_t count) {
    for (; count > 0; --count)
      log.append({0, now(), types[pick(5)], "j", users[pick(4)]},
                 pick(9) == 0 ? 2 : 0);
  }

  void trim() {
    if (pick(4) == 0)
      log.first += pick(log.events.size() - log.first + 1);
  }

  void restart_daemon() {
    if (pick(12) != 0)
      return;
    kill_actor();
    for (auto& x : clients)
      leave(x);
    start_daemon();
  }

  void connect(client& x) {
    if (x.descriptor)
      return;
    open_stream request{
      {"c"}, fanout->connect(pipe_bytes()), x.wanted.who, "c", x.wanted.types};
    if (x.base)
      request.last_event_id = std::to_string(x.last_id);
    x.descriptor = request.descriptor;
    caf::anon_send(aut, std::move(request));
  }

  /// What it has not read is lost on the way.
  void leave(client& x) {
    if (!x.descriptor)
      return;
    fanout->pipes[static_cast<size_t>(*x.descriptor)]->left = true;
    x.descriptor.reset();
  }

  void read(client& x) {
    if (!x.descriptor)
      return;
    for (const auto& frame : fanout->read(*x.descriptor))
      understand(x, frame);
    const auto& end = *fanout->pipes[static_cast<size_t>(*x.descriptor)];
    // An actor killed with the request in its mailbox has not opened it.
    if (end.cut || fanout->numbers[static_cast<size_t>(*x.descriptor)] == 0)
      leave(x);
  }

  void understand(client& x, const test::received& frame) {
    if (frame.data.is_null())
      return;
    if (!x.base) {
      REQUIRE(frame.name == "connection");
      x.base = x.last_id = frame.id;
    }
    const std::string type = frame.data["type"];
    auto in_order = frame.id >= x.last_id;
    if (type == "connected") {
      in_order = frame.id == x.last_id;
    } else if (type == "gap") {
      const int64_t from = frame.data["from"], to = frame.data["to"];
      in_order = from > x.last_id && to < oldest();
      x.gaps.emplace_back(from, to);
    } else if (type != "heartbeat") {
      in_order = frame.id > x.last_id;
      x.seen.push_back(frame.id);
    }
    if (!in_order)
      FAIL(type << ' ' << frame.id << " after " << x.last_id);
    x.last_id = frame.id;
  }

  /// @returns the smallest id that the log still has or will have.
  int64_t oldest() const {
    return log.first < log.events.size() ? log.events[log.first].id
                                         : log.head + 1;
  }

  /// Lets everything work and everybody read to the end.
  void calm_down() {
    failure = caf::none;
    for (int quiet = 0; quiet < 8; ++quiet) {
      for (auto& x : clients) {
        connect(x);
        const auto before = x.last_id;
        settle();
        fanout->pump_all();
        read(x);
        if (x.last_id != before)
          quiet = 0;
      }
      sched.advance_time(300ms);
      settle();
    }
  }

  void check(const client& x) const {
    REQUIRE(x.base);
    const std::set<int64_t> seen{x.seen.begin(), x.seen.end()};
    std::vector<int64_t> missed, forbidden;
    for (const auto& e : log.events) {
      const event_frame frame{e.id, e.type, e.job_id, e.user_id, e.org_id, {}};
      const auto due
        = e.id > *x.base && is_streamed(e.type) && wants(x.wanted, frame);
      if (!due && seen.count(e.id) > 0)
        forbidden.push_back(e.id);
      if (due && seen.count(e.id) == 0 && !is_told_missing(x, e.id))
        missed.push_back(e.id);
    }
    REQUIRE(seen.size() == x.seen.size());
    REQUIRE(forbidden == std::vector<int64_t>{});
    REQUIRE(missed == std::vector<int64_t>{});
  }

  static bool is_told_missing(const client& x, int64_t id) {
    return std::any_of(x.gaps.begin(), x.gaps.end(), [id](const auto& gap) {
      return gap.first <= id && id <= gap.second;
    });
  }

  std::mt19937_64 rng;
  config::sse settings;
  test::memory_log log;
  caf::error failure;
  std::vector<read_events> asked;
  std::shared_ptr<test::local_fanout> fanout;
  event_reader_actor reader = spawn(test::log_actor, &log, &failure, &asked);
  sse_broadcaster_actor aut;
  std::vector<client> clients;
};

} // namespace

TEST_CASE_METHOD(replay_fixture,
                 "nobody misses an event without a gap or sees one twice",
                 "[sse][E1][E2]") {
  size_t seen = 0, gaps = 0;
  for (unsigned run = 0; run < 16; ++run) {
    const auto seed = Catch::rngSeed() + run;
    INFO("seed " << seed);
    begin(seed);
    for (int i = 0; i < 200; ++i)
      step();
    calm_down();
    for (const auto& x : clients) {
      check(x);
      seen += x.seen.size();
      gaps += x.gaps.size();
    }
    kill_actor();
    asked.clear();
  }
  CHECK(seen > 500); // the schedules do what they are for
  CHECK(gaps > 5);
}
