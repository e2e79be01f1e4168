#include "actors/sse_broadcaster/sse_broadcaster.hpp"

#include "tests/sse_harness.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

struct sse_fixture : test::deterministic {
  sse_fixture() {
    settings.ring_events = 16;
    renew_fanout();
    reader = spawn(test::log_actor, &log, &failure, &asked);
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
    fanout
      = std::make_shared<test::local_fanout>(settings, 1 << 20, counts, rules);
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
    open_stream request{{"corr-9"}, fanout->connect(capacity), who, "c"};
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
  test::memory_log log;
  caf::error failure;
  std::vector<read_events> asked;
  std::shared_ptr<test::local_fanout> fanout;
  event_reader_actor reader;
  sse_broadcaster_actor aut;
};

} // namespace

TEST_CASE_METHOD(sse_fixture, "a live stream gets what is appended from now on",
                 "[sse]") {
  append(3);
  start();
  const auto s = open();
  CHECK(read(s) == "connection 3");
  append(2);
  hint();
  CHECK(read(s) == "4, 5");
  hint();
  CHECK(read(s).empty());
}

TEST_CASE_METHOD(sse_fixture, "a lost hint costs a tick, not an event",
                 "[sse][E1]") {
  start();
  const auto s = open();
  append(2);
  run(1s);
  CHECK(read(s) == "connection 0, 1, 2");
}

TEST_CASE_METHOD(sse_fixture, "a burst is read page by page", "[sse][E1]") {
  settings.ring_events = 4'000;
  renew_fanout();
  start();
  const auto s = open();
  append(2'500);
  asked.clear();
  hint();
  CHECK(read(s) == "connection 0" + ids(1, 2'500));
  CHECK(asked.size() == 3);
}

TEST_CASE_METHOD(sse_fixture, "a reconnect is answered from the ring",
                 "[sse][E1]") {
  append(10);
  start();
  const auto s = open("4");
  CHECK(read(s) == "connection 4" + ids(5, 10));
  CHECK(fanout->replays == 0);
  append(1);
  hint();
  CHECK(read(s) == "11");
}

TEST_CASE_METHOD(sse_fixture, "what left the ring is read from the log",
                 "[sse][E1]") {
  append(700);
  start();
  asked.clear();
  const auto s = open("20");
  append(3);
  hint();
  CHECK(read(s) == "connection 20" + ids(21, 703));
  CHECK(fanout->replays > 1);
  REQUIRE(!asked.empty());
  CHECK(asked[0].after == 20);
  CHECK(asked[0].ctx.correlation_id == "corr-9");
}

TEST_CASE_METHOD(sse_fixture, "the log is read no faster than a stream reads",
                 "[sse][E3]") {
  append(2'000);
  start();
  const auto s = open("1", 4'096);
  run(5s);
  CHECK(fanout->replays == 1);
  CHECK(read(s).ends_with(", 2000"));
  CHECK(fanout->replays > 10);
}

TEST_CASE_METHOD(sse_fixture, "what left the log is a gap", "[sse][E1]") {
  append(100);
  log.first = 50;
  start();
  CHECK(read(open("20")) == "connection 20, gap 50" + ids(51, 100));
  CHECK(read(open("50")) == "connection 50" + ids(51, 100));
  log.first = 100;
  CHECK(read(open("60")) == "connection 60, gap 100");
}

TEST_CASE_METHOD(sse_fixture, "an id that nobody gave is a gap", "[sse][E1]") {
  append(5);
  start();
  CHECK(read(open("6")) == "connection 6, gap 5");
  const auto s = open("x");
  CHECK(read(s) == "connection 0, gap 5");
  append(1);
  hint();
  CHECK(read(s) == "6");
}

TEST_CASE_METHOD(sse_fixture, "an id above the ring but in the log is no gap",
                 "[sse][E1]") {
  append(5);
  start();
  append(2); // on another node; our hint is still under way
  const auto s = open("6");
  CHECK(read(s) == "connection 6, 7");
  run(2s);
  append(1);
  hint();
  CHECK(read(s) == "8");
}

TEST_CASE_METHOD(sse_fixture, "a page that comes too late is not waited for",
                 "[sse][E1]") {
  append(5);
  start();
  append(2);
  failure = make_error(ec::database_error, "locked");
  const auto s = open("6"); // asks, and is covered before it is answered
  failure = caf::none;
  run(1s);
  append(100); // more than the ring holds: it has to ask again
  hint();
  CHECK(read(s) == "connection 6, 7" + ids(8, 107));
}

TEST_CASE_METHOD(sse_fixture, "internal events move cursors and are not seen",
                 "[sse]") {
  settings.heartbeat = 1s;
  renew_fanout();
  start();
  const auto s = open();
  append(3, "queue_changed");
  hint();
  CHECK(read(s) == "connection 0");
  run(1s);
  CHECK(read(s) == "heartbeat 3");
}

TEST_CASE_METHOD(sse_fixture, "each stream has one heartbeat per interval",
                 "[sse]") {
  start();
  std::vector<int> streams;
  for (int i = 0; i < 20; ++i)
    streams.push_back(open());
  append(1, "job_status_changed", "bob");
  hint();
  run(30s);
  for (auto s : streams)
    CHECK(read(s) == "connection 0, 1, heartbeat 1, heartbeat 1");
}

TEST_CASE_METHOD(sse_fixture, "subscribers get what they may see",
                 "[sse][E2]") {
  start();
  const caller alice{"alice", "acme", "", caller_level::viewer};
  const caller lead{"carol", "acme", "", caller_level::lead};
  const auto a = open("", alice), l = open("", lead), root = open();
  log.append({0, now(), "job_status_changed", "j1", "alice", "acme"});
  log.append({0, now(), "job_status_changed", "j2", "bob", "acme"});
  log.append({0, now(), "job_status_changed", "j3", "bob", ""});
  log.append({0, now(), "worker_status", "", "", ""});
  hint();
  CHECK(read(a) == "connection 0, 1");
  CHECK(read(l) == "connection 0, 1, 2");
  CHECK(read(root) == "connection 0, 1, 2, 3, worker_status 4");
  // The same from the log instead of the ring.
  append(40, "queue_changed");
  append(40);
  hint();
  CHECK(read(open("0", lead)) == "connection 0, 1, 2");
}

TEST_CASE_METHOD(sse_fixture, "a subscriber that does not read is cut",
                 "[sse][E3]") {
  start();
  const auto idle = open("", 200), good = open();
  append(10);
  hint();
  run(29s);
  CHECK(!is_cut(idle));
  CHECK(read(good).starts_with("connection 0" + ids(1, 10)));
  run(3s);
  CHECK(is_cut(idle));
  CHECK(!is_cut(good));
  CHECK(fanout->table.size() == 1);
}

TEST_CASE_METHOD(sse_fixture, "a blocked subscriber the ring overtakes is cut",
                 "[sse][E3]") {
  start();
  const auto idle = open("", 200);
  append(2);
  hint();
  append(40);
  hint();
  run(1s);
  CHECK(is_cut(idle));
  CHECK(read(open("1")) == "connection 1" + ids(2, 42));
}

TEST_CASE_METHOD(sse_fixture, "one stream too many is refused", "[sse][E3]") {
  settings.max_per_client = 2;
  renew_fanout();
  start();
  const auto first = open();
  open();
  const auto third = open();
  CHECK(is_cut(third));
  CHECK(fanout->pipes[2]->bytes == "HTTP/1.1 503 no\n\n");
  fanout->pipes[static_cast<size_t>(first)]->left = true;
  append(1);
  hint();
  CHECK(is_cut(first));
  CHECK(!is_cut(open()));
}

TEST_CASE_METHOD(sse_fixture, "an unreadable log is asked again", "[sse]") {
  failure = make_error(ec::database_error, "disk on fire");
  append(3);
  start();
  const auto s = open("1");
  CHECK(read(s).empty());
  failure = caf::none;
  run(1s);
  CHECK(read(s) == "connection 1, 2, 3");
}

TEST_CASE_METHOD(sse_fixture,
                 "streams outlive the actor without loss or repeat",
                 "[sse][E1]") {
  append(5);
  start();
  const auto s = open("3");
  crash();
  append(5);
  start();
  CHECK(read(s) == "connection 3" + ids(4, 10));
  append(1);
  hint();
  CHECK(read(s) == "11");
}

TEST_CASE_METHOD(sse_fixture, "a new incarnation meets open demands",
                 "[sse][E1]") {
  append(100);
  start();
  failure = make_error(ec::database_error, "locked");
  const auto s = open("1");
  crash();
  failure = caf::none;
  start();
  CHECK(read(s) == "connection 1" + ids(2, 100));
}

TEST_CASE_METHOD(sse_fixture, "a restarted daemon knows the newest events",
                 "[sse][E1]") {
  append(100);
  start();
  CHECK(fanout->feed.cursor() == 100);
  CHECK(read(open("84")) == "connection 84" + ids(85, 100));
  CHECK(fanout->replays == 0);
}

TEST_CASE_METHOD(sse_fixture, "a log that was replaced is a gap, not silence",
                 "[sse][E1]") {
  append(100);
  start();
  const auto s = open();
  log = {};
  append(10);
  run(2s);
  CHECK(read(s) == "connection 100, gap 10");
  append(1);
  hint();
  CHECK(read(s) == "11");
}

TEST_CASE_METHOD(sse_fixture, "who has lost its token loses its streams",
                 "[sse][E2]") {
  const auto token = [](const char* name, const char* hash) {
    return config::token{.name = name, .sha256 = hash};
  };
  const auto as
    = [](const char* name) { return caller{.user_id = name, .token = name}; };
  config::auth now;
  now.tokens = {token("a", "1"), token("b", "2"), token("c", "3")};
  rules.set(now);
  renew_fanout();
  start();
  const auto kept = open("", as("a")), gone = open("", as("b")),
             renewed = open("", as("c")), bypassed = open("", caller{});
  now.tokens = {token("a", "1"), token("c", "4"), token("d", "5")};
  rules.set(now);
  run(1s);
  CHECK(!is_cut(kept));
  CHECK(is_cut(gone));
  CHECK(is_cut(renewed));
  CHECK(!is_cut(bypassed));
  const auto late = open("", as("b")); // its socket was on its way
  run(1s);
  CHECK(is_cut(late));
  run(5s);
  const auto again = open("", as("c"));
  run(5s);
  CHECK(!is_cut(again));
  CHECK(!is_cut(kept));
  now.tokens.clear();
  rules.set(now);
  run(1s);
  CHECK(is_cut(bypassed));
  CHECK(fanout->table.size() == 0);
  CHECK(counts->subscribers_cut.value() == 0); // they did read
}

TEST_CASE_METHOD(sse_fixture, "after a stop clients come back one by one",
                 "[sse][E3]") {
  settings.max_per_client = 2'000;
  renew_fanout();
  start();
  std::vector<int> streams;
  for (int i = 0; i < 1'000; ++i)
    streams.push_back(open());
  fanout->table.close_all();
  std::array<int, 5> in_second{};
  for (auto s : streams) {
    const auto& bytes = fanout->pipes[static_cast<size_t>(s)]->bytes;
    REQUIRE(bytes.ends_with("\n\n"));
    const auto wait = std::stoi(bytes.substr(bytes.rfind("retry: ") + 7));
    REQUIRE(wait >= 1'000);
    REQUIRE(wait < 5'000);
    ++in_second[static_cast<size_t>(wait) / 1'000];
  }
  for (size_t i = 1; i < in_second.size(); ++i)
    CHECK(std::abs(in_second[i] - 250) < 5);
}

TEST_CASE_METHOD(sse_fixture, "the metrics follow the streams", "[sse][L5]") {
  settings.max_per_client = 3;
  renew_fanout();
  append(100);
  log.first = 50;
  start();
  CHECK(counts->event_streamed.value() == 100);
  const auto a = open("20"), b = open("x"), idle = open("", 200);
  open();
  CHECK(counts->subscribers.value() == 3);
  CHECK(counts->subscribers_refused.value() == 1);
  read(a);
  read(b);
  CHECK(counts->gaps.value() == 2);
  append(2);
  append(5, "queue_changed");
  hint();
  CHECK(counts->event_streamed.value() == 107); // Nothing is left to stream.
  run(35s);
  CHECK(is_cut(idle));
  CHECK(counts->subscribers_cut.value() == 1);
  fanout->pipes[static_cast<size_t>(a)]->left = true;
  append(1);
  hint();
  CHECK(counts->subscribers.value() == 1);
  fanout->table.close_all();
  CHECK(counts->subscribers.value() == 0);
  CHECK(counts->subscribers_cut.value() == 1);
}

TEST_CASE_METHOD(sse_fixture, "approvals and webhooks are told to who may see",
                 "[sse][E2]") {
  start();
  const caller owner{"alice", "acme", "", caller_level::viewer};
  const caller lead{"carol", "acme", "", caller_level::lead};
  const caller colleague{"bob", "acme", "", caller_level::researcher};
  const caller stranger{"dave", "evil", "", caller_level::lead};
  const auto a = open("", owner), l = open("", lead), c = open("", colleague),
             s = open("", stranger), root = open();
  for (const auto* type :
       {"approval_required", "approval_decided", "approval_expiring",
        "approval_expired", "cloud_job_update"})
    log.append({0, now(), type, "j1", "alice", "acme"});
  for (const auto* type : {"queue_changed", "limits_changed",
                           "settings_changed", "invented_changed"})
    log.append({0, now(), type, "j1", "alice", "acme"});
  hint();
  const auto all = "connection 0, approval_required 1, approval_decided 2, "
                   "approval_expiring 3, 4, cloud_job_update 5";
  CHECK(read(a) == all);
  CHECK(read(l) == all);
  CHECK(read(root) == all);
  CHECK(read(c) == "connection 0");
  CHECK(read(s) == "connection 0");
}

TEST_CASE_METHOD(sse_fixture,
                 "nobody gets what it may not see or misses what it may",
                 "[sse][E2]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 dice{seed};
  const auto one_of = [&dice](const auto& values) {
    return values[dice() % std::size(values)];
  };
  const char* const users[] = {"alice", "bob", "carol", "dave", "", "Alice"};
  const char* const orgs[] = {"acme", "evil", "", "ACME", "alice"};
  const char* const types[]
    = {"job_status_changed", "approval_required", "approval_decided",
       "approval_expiring",  "approval_expired",  "cloud_job_update",
       "worker_status",      "queue_changed",     "settings_changed",
       "limits_changed"};
  const caller_level levels[] = {caller_level::viewer, caller_level::researcher,
                                 caller_level::lead, caller_level::admin};
  settings.ring_events = 400; // The first half is read from the log.
  settings.max_per_client = 1'000;
  settings.heartbeat = 3600s;
  renew_fanout();
  std::vector<std::pair<caller, int>> streams;
  const auto subscribe = [&](const std::string& from) {
    caller who{one_of(users), one_of(orgs), one_of(orgs), one_of(levels)};
    streams.emplace_back(who, open(from, who));
  };
  const auto happen = [&](int count) {
    for (; count > 0; --count)
      log.append({0, now(), one_of(types), "j1", one_of(users), one_of(orgs)});
  };
  happen(300);
  start();
  for (int i = 0; i < 40; ++i)
    subscribe("0");
  happen(500);
  hint();
  for (int i = 0; i < 20; ++i)
    subscribe("0");
  // REFERENCE 4 in other words than the code's.
  const auto may_see = [](const caller& who, const event& x) {
    if (x.type.ends_with("_changed") && x.type != "job_status_changed")
      return false;
    if (who.level == caller_level::admin)
      return true;
    const bool is_owner = !x.user_id.empty() && x.user_id == who.user_id;
    const bool leads = who.level == caller_level::lead && !x.user_id.empty()
                       && !x.org_id.empty() && x.org_id == who.org_id;
    return x.type != "worker_status" && (is_owner || leads);
  };
  size_t seen = 0;
  for (const auto& [who, stream] : streams) {
    std::vector<int64_t> expected, got;
    for (const auto& x : log.events)
      if (may_see(who, x))
        expected.push_back(x.id);
    auto& bytes = fanout->pipes[static_cast<size_t>(stream)]->bytes;
    constexpr std::string_view mark = "\n\nid: ";
    for (auto i = bytes.find(mark); i != std::string::npos;
         i = bytes.find(mark, i + 1))
      got.push_back(std::stoll(bytes.substr(i + mark.size(), 20)));
    INFO(to_string(who.level) << ' ' << who.user_id << " of " << who.org_id);
    REQUIRE(got == expected);
    seen += got.size();
  }
  CHECK(seen > 1'000);
}
