#include "actors/http_gateway/queries.hpp"

#include "tests/sse_fixture.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <variant>

using namespace tunerd;
using namespace tunerd::test;

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
  // How often a stream was asked for, of one user, and not had.
  int refused = 0;
  settings.ring_events = 400; // The first half is read from the log.
  settings.max_per_client = 1'000;
  settings.heartbeat = 3600s;
  renew_fanout();
  struct stream {
    caller who;
    /// Whose events it is to have; empty: all that may be seen.
    std::string of;
    std::vector<std::string> types;
    int descriptor;
  };
  std::vector<stream> streams;
  const auto subscribe = [&](const std::string& from) {
    const caller who{one_of(users), one_of(orgs), one_of(orgs), one_of(levels)};
    const std::string of = dice() % 2 == 0 ? one_of(users) : "";
    // As the gateway does with GET /api/events?user_id=.
    const auto watcher = rest::parse_watcher({{"user_id", of}}, who);
    if (std::holds_alternative<rest::refusal>(watcher)) {
      CHECK(who.level != caller_level::admin);
      CHECK(of != who.user_id);
      ++refused;
      return;
    }
    std::vector<std::string> only;
    if (dice() % 4 == 0)
      only = {one_of(types), one_of(types)};
    streams.push_back(
      {who, of, only, open(from, std::get<caller>(watcher), only)});
  };
  const auto happen = [&](int count) {
    for (; count > 0; --count)
      log.append({0, now(), one_of(types), "j1", one_of(users), one_of(orgs)});
  };
  happen(300);
  start();
  for (int i = 0; i < 80; ++i)
    subscribe("0");
  happen(500);
  hint();
  for (int i = 0; i < 40; ++i)
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
  for (const auto& [who, of, only, descriptor] : streams) {
    std::vector<int64_t> expected, got;
    for (const auto& x : log.events) {
      const bool is_asked_for
        = (of.empty() || (x.user_id == of && x.type != "worker_status"))
          && (only.empty()
              || std::find(only.begin(), only.end(), x.type) != only.end());
      if (is_asked_for && may_see(who, x))
        expected.push_back(x.id);
    }
    auto& bytes = fanout->pipes[static_cast<size_t>(descriptor)]->bytes;
    constexpr std::string_view mark = "\n\nid: ";
    for (auto i = bytes.find(mark); i != std::string::npos;
         i = bytes.find(mark, i + 1))
      got.push_back(std::stoll(bytes.substr(i + mark.size(), 20)));
    INFO(to_string(who.level) << ' ' << who.user_id << " of " << who.org_id
                              << " asks for '" << of << "'");
    REQUIRE(got == expected);
    seen += got.size();
  }
  CHECK(seen > 1'000);
  CHECK(refused > 10);
}
