#include "actors/queue_scheduler/backoff.hpp"
#include "actors/queue_scheduler/explanation.hpp"
#include "actors/queue_scheduler/job_queue.hpp"
#include "actors/queue_scheduler/reconcile.hpp"
#include "messages/fingerprint.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace std::chrono_literals;
using namespace tunerd;

namespace {

const timestamp epoch{std::chrono::hours{24 * 365 * 50}};

queue_entry entry(const std::string& job_id, int64_t row,
                  const std::string& user = "ann", int32_t priority = 10) {
  queue_entry result;
  result.job_id = job_id;
  result.row = row;
  result.provider = "replicate";
  result.user_id = user;
  result.priority = priority;
  result.queued_at = epoch;
  return result;
}

using ids = std::vector<std::string>;

/// The same queue the slow and obvious way.
struct naive_queue {
  caf::timespan threshold;
  queue_limits limits = {};
  std::map<std::string, int64_t> rooms = {};
  std::map<std::string, queue_entry> entries = {};

  auto rank(const queue_entry& x, timestamp now) const {
    const auto waited = std::max<caf::timespan>(now - x.queued_at, 0s);
    auto effective = x.priority;
    for (auto step = threshold; step <= waited && effective < 40;
         step += threshold)
      effective = std::min(40, effective + 10);
    return std::tuple{-effective, x.queued_at, x.row};
  }

  int64_t count(auto&& matches) const {
    return std::count_if(entries.begin(), entries.end(), [&](const auto& x) {
      return holds_slot(x.second.status) && matches(x.second);
    });
  }

  bool has_room(const queue_entry& x) const {
    const auto below
      = [](int64_t used, int32_t limit) { return limit <= 0 || used < limit; };
    const auto room = rooms.find(x.provider);
    return below(count([](auto&) { return true; }), limits.max_concurrent)
           && below(count([&](auto& y) { return y.user_id == x.user_id; }),
                    limits.user_max_concurrent)
           && (x.org_id.empty()
               || below(count([&](auto& y) { return y.org_id == x.org_id; }),
                        limits.org_max_concurrent))
           && (x.team_id.empty() || !limits.enable_fair_share
               || below(count([&](auto& y) {
                          return y.org_id == x.org_id && y.team_id == x.team_id;
                        }),
                        limits.team_max_concurrent))
           && (room == rooms.end() || room->second > 0);
  }

  /// The jobs that hold slots, the oldest first.
  ids holders(auto&& matches) const {
    std::vector<const queue_entry*> found;
    for (const auto& [id, x] : entries)
      if (holds_slot(x.status) && matches(x))
        found.push_back(&x);
    std::sort(found.begin(), found.end(), [](auto* x, auto* y) {
      return std::pair{x->queued_at, x->row} < std::pair{y->queued_at, y->row};
    });
    ids result;
    for (const auto* x : found)
      result.push_back(x->job_id);
    return result;
  }

  /// Every limit that has no room for a waiting job.
  std::vector<queue_constraint> full_limits(const std::string& job_id) const {
    std::vector<queue_constraint> result;
    const auto i = entries.find(job_id);
    if (i == entries.end() || i->second.status != queue_status::pending)
      return result;
    const auto& x = i->second;
    const auto add = [&](const char* scope, int32_t limit, auto matches) {
      const auto who = holders(matches);
      const auto used = static_cast<int64_t>(who.size());
      if (limit > 0 && used >= limit)
        result.push_back({"limit", scope, limit, used, who});
    };
    add("user", limits.user_max_concurrent,
        [&](auto& y) { return y.user_id == x.user_id; });
    if (!x.team_id.empty() && limits.enable_fair_share)
      add("team", limits.team_max_concurrent, [&](auto& y) {
        return y.org_id == x.org_id && y.team_id == x.team_id;
      });
    if (!x.org_id.empty())
      add("org", limits.org_max_concurrent,
          [&](auto& y) { return y.org_id == x.org_id; });
    if (const auto room = rooms.find(x.provider);
        room != rooms.end() && room->second <= 0)
      result.push_back({"limit", "provider"});
    add("global", limits.max_concurrent, [](auto&) { return true; });
    return result;
  }

  ids choose(timestamp now, size_t max) {
    ids result;
    while (result.size() < max) {
      queue_entry* best = nullptr;
      for (auto& [id, x] : entries)
        if (x.status == queue_status::pending && x.not_before <= now
            && has_room(x) && (!best || rank(x, now) < rank(*best, now)))
          best = &x;
      if (best == nullptr)
        break;
      best->status = queue_status::ready;
      if (auto room = rooms.find(best->provider); room != rooms.end())
        --room->second;
      result.push_back(best->job_id);
    }
    return result;
  }

  int64_t position(const std::string& job_id, timestamp now) const {
    const auto i = entries.find(job_id);
    if (i == entries.end() || i->second.status != queue_status::pending)
      return 0;
    return 1 + std::count_if(entries.begin(), entries.end(), [&](auto& x) {
             return x.second.status == queue_status::pending
                    && rank(x.second, now) < rank(i->second, now);
           });
  }
};

/// The same as text, to be compared and read.
std::string told(const std::vector<queue_constraint>& all) {
  std::string result;
  for (const auto& x : all) {
    result += x.kind + " " + x.scope + " " + std::to_string(x.used) + "/"
              + std::to_string(x.limit) + ":";
    for (const auto& job_id : x.holders)
      result += " " + job_id;
    result += "\n";
  }
  return result;
}

/// Random operations on both queues; they must always agree.
struct comparison {
  std::mt19937 random;
  job_queue fast{1h};
  naive_queue slow{1h};
  timestamp now = epoch;
  int64_t rows = 0;

  int pick(int count) {
    return std::uniform_int_distribution{0, count - 1}(random);
  }

  std::string some_job() {
    return "j" + std::to_string(pick(60));
  }

  void change_entry() {
    auto x = entry(some_job(), ++rows);
    x.provider = pick(4) == 0 ? "other" : "replicate";
    x.user_id = "u" + std::to_string(pick(4));
    x.org_id = pick(3) == 0 ? "" : "o" + std::to_string(pick(2));
    x.team_id = pick(2) == 0 ? "" : "t" + std::to_string(pick(2));
    x.priority = pick(51);
    x.queued_at = now - pick(300) * 1min;
    if (pick(4) == 0)
      x.not_before = now + (pick(60) - 30) * 1s;
    x.status = static_cast<queue_status>(pick(8) == 0 ? pick(7) : 0);
    fast.update(x);
    if (x.status == queue_status::pending || holds_slot(x.status))
      slow.entries.insert_or_assign(x.job_id, x);
    else
      slow.entries.erase(x.job_id);
  }

  void change_limits() {
    slow.limits.max_concurrent = pick(12);
    slow.limits.user_max_concurrent = pick(4);
    slow.limits.team_max_concurrent = pick(4);
    slow.limits.org_max_concurrent = pick(5);
    slow.limits.enable_fair_share = pick(2) == 0;
    fast.set_limits(slow.limits);
  }

  void change_room() {
    const auto* provider = pick(2) == 0 ? "other" : "replicate";
    slow.rooms[provider] = pick(4);
    fast.set_room(provider, slow.rooms[provider]);
  }

  void check_constraints(const std::string& job_id) {
    const auto* x = fast.find(job_id);
    const auto place = fast.position(job_id, now);
    if (place == 0)
      return;
    const auto told_of
      = constraints_of(fast, *x, {.max = 64, .under_way = {"y"}}, now);
    auto later = slow; // what is tried out is forgotten
    const auto next = later.choose(now, 1);
    later.choose(now, 100);
    const auto starts = holds_slot(later.entries.at(job_id).status);
    if (told_of.empty()) {
      REQUIRE(place == 1);
      REQUIRE(next == ids{job_id});
    } else if (told_of.front().kind == "turn") {
      REQUIRE(told_of.size() == 1);
      REQUIRE(told_of.front().used == place - 1);
      // It starts, unless those ahead fill a limit.
      REQUIRE((starts || !later.has_room(later.entries.at(job_id))));
    } else {
      REQUIRE(!starts);
      release(told_of);
      REQUIRE(slow.has_room(*x));
    }
  }

  /// Lets just so many holders go, in both queues, that no limit is full.
  void release(const std::vector<queue_constraint>& all) {
    for (const auto& stop : all) {
      if (stop.scope == "provider") {
        fast.set_room("replicate", 100);
        fast.set_room("other", 100);
        slow.rooms = {{"replicate", 100}, {"other", 100}};
      }
      for (auto used = stop.used; used >= stop.limit && stop.limit > 0;) {
        const auto& gone = stop.holders.at(static_cast<size_t>(--used));
        fast.erase(gone);
        slow.entries.erase(gone);
      }
    }
  }

  void step() {
    switch (pick(12)) {
      case 0: change_limits(); break;
      case 1: change_room(); break;
      case 2: now += pick(40) * 1min; break;
      case 3:
      case 4: {
        const auto job_id = some_job();
        fast.erase(job_id);
        slow.entries.erase(job_id);
        break;
      }
      case 5:
      case 6: {
        const auto max = static_cast<size_t>(pick(5));
        REQUIRE(fast.choose(now, max) == slow.choose(now, max));
        break;
      }
      case 7: {
        const auto job_id = some_job();
        fast.hold(job_id);
        if (auto i = slow.entries.find(job_id); i != slow.entries.end())
          i->second.status = queue_status::ready;
        break;
      }
      default: change_entry();
    }
    const auto job_id = some_job();
    REQUIRE(fast.position(job_id, now) == slow.position(job_id, now));
    REQUIRE(told(fast.full_limits(job_id)) == told(slow.full_limits(job_id)));
    REQUIRE(fast.held() == slow.count([](auto&) { return true; }));
    REQUIRE(fast.waiting() + static_cast<size_t>(fast.held())
            == slow.entries.size());
  }
};

} // namespace

TEST_CASE("the index agrees with a naive queue", "[queue][Q5][Q10]") {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    comparison both{std::mt19937{seed}};
    for (int i = 0; i < 150; ++i)
      both.step();
  }
}

TEST_CASE("what a job is told to wait for is what it waits for",
          "[queue][why][Q10]") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    comparison both{std::mt19937{seed}};
    for (int i = 0; i < 100; ++i) {
      both.step();
      both.check_constraints(both.some_job());
    }
  }
}

TEST_CASE("waiting lifts a job by one level per threshold", "[queue][Q5]") {
  CHECK(effective_priority(10, 59min, 1h) == 10);
  CHECK(effective_priority(10, 60min, 1h) == 20);
  CHECK(effective_priority(10, 150min, 1h) == 30);
  CHECK(effective_priority(35, 60min, 1h) == 40);
  CHECK(effective_priority(0, 1000h, 1h) == 40);
  CHECK(effective_priority(50, 1000h, 1h) == 50);
  CHECK(effective_priority(10, -5min, 1h) == 10);
}

TEST_CASE("a job that waits overtakes a later one of a higher level",
          "[queue][Q5]") {
  job_queue aut{1h};
  aut.set_limits({.max_concurrent = 1});
  aut.update(entry("old", 1));
  auto later = entry("new", 2, "bob", 20);
  later.queued_at = epoch + 30min;
  aut.update(later);
  CHECK(aut.position("new", epoch + 59min) == 1);
  CHECK(aut.position("old", epoch + 60min) == 1);
  CHECK(aut.choose(epoch + 60min, 5) == ids{"old"});
}

TEST_CASE("an override changes the order at once", "[queue][Q5]") {
  job_queue aut{1h};
  aut.update(entry("a", 1));
  aut.update(entry("b", 2));
  CHECK(aut.position("b", epoch) == 2);
  aut.update(entry("b", 2, "ann", 50));
  CHECK(aut.position("b", epoch) == 1);
  CHECK(aut.choose(epoch, 1) == ids{"b"});
}

TEST_CASE("many jobs behind a saturated user delay nobody", "[queue][Q7]") {
  job_queue aut{1h};
  aut.set_limits({.max_concurrent = 5, .user_max_concurrent = 2});
  for (int64_t i = 0; i < 10'000; ++i)
    aut.update(entry("ann-" + std::to_string(i), i));
  aut.update(entry("bob-1", 10'000, "bob"));
  CHECK(aut.choose(epoch, 100) == ids{"ann-0", "ann-1", "bob-1"});
  CHECK(aut.why_none()
        == "All pending jobs are held by per-user concurrency "
           "limits");
  // If each choice looked at each waiting job, this would take minutes.
  for (int i = 1; i <= 3000; ++i) {
    const auto job_id = "bob-" + std::to_string(i);
    aut.erase(job_id);
    aut.update(entry(job_id + "x", 20'000 + i, "bob"));
    REQUIRE(aut.choose(epoch, 100) == ids{job_id + "x"});
    aut.erase(job_id + "x");
  }
  aut.erase("ann-0");
  CHECK(aut.choose(epoch, 100) == ids{"ann-2"});
}

TEST_CASE("the log says why nothing runs", "[queue]") {
  job_queue aut{1h};
  aut.set_limits(
    {.max_concurrent = 1, .team_max_concurrent = 1, .enable_fair_share = true});
  CHECK(aut.why_none() == "No pending jobs in queue");
  auto first = entry("a", 1);
  auto second = entry("b", 2, "bob");
  first.team_id = second.team_id = "vision";
  aut.update(first);
  aut.update(second);
  CHECK(aut.choose(epoch, 9) == ids{"a"});
  CHECK(aut.why_none() == "Global limit reached (1/1)");
  aut.set_limits({.team_max_concurrent = 1, .enable_fair_share = true});
  CHECK(aut.choose(epoch, 9).empty());
  CHECK(aut.why_none()
        == "All pending jobs are held by team concurrency "
           "limits");
}

TEST_CASE("nothing of a parked provider is chosen", "[queue]") {
  job_queue aut{1h};
  aut.set_room("replicate", 0);
  aut.update(entry("a", 1));
  auto elsewhere = entry("b", 2);
  elsewhere.provider = "simpletuner_io";
  aut.update(elsewhere);
  CHECK(aut.choose(epoch, 9) == ids{"b"});
  aut.set_room("replicate", 1);
  aut.update(entry("c", 3));
  CHECK(aut.choose(epoch, 9) == ids{"a"});
}

TEST_CASE("backoff grows to 30 s and is drawn from the whole span",
          "[queue][Q8]") {
  constexpr auto all = std::numeric_limits<uint64_t>::max();
  std::mt19937_64 random{7};
  const caf::timespan caps[]{1s, 2s, 4s, 8s, 16s, 30s, 30s, 30s};
  for (uint32_t n = 0; n < 8; ++n) {
    caf::timespan largest{0};
    for (int i = 0; i < 1000; ++i)
      largest = std::max(largest, backoff(n, random()));
    CHECK(largest <= caps[n]);
    CHECK(largest > caps[n] * 9 / 10);
  }
  CHECK(backoff(4'000'000'000, all) <= 30s);
  CHECK(backoff(0, 0) == 0s);
}

// -- reconciliation
// ------------------------------------------------------------

namespace {

const std::string body = R"({"steps":10,"hf_token":"${secret:HF_TOKEN}"})";
const std::string sent = R"({"hf_token":"hf_abc","steps":10})";

doubt in_doubt(int64_t id, const std::string& stored = body) {
  doubt result;
  auto& x = result.attempt;
  x.id = id;
  x.job_id = "j" + std::to_string(id);
  x.provider = "replicate";
  x.version = "me/model:v1";
  x.body = stored;
  x.fingerprint = fingerprint(x.provider, x.version, stored, stored);
  x.claimed_at = epoch + id * 1ms;
  x.doubt_since = epoch + 10s;
  result.settled = x.doubt_since;
  return result;
}

provider_job listed(const std::string& external_id,
                    const std::string& input = sent) {
  provider_job result;
  result.external_id = external_id;
  result.version = "v1";
  result.input = input;
  result.created_at = epoch + 1s;
  return result;
}

/// Judges one complete listing begun `after` the doubts settled.
std::vector<finding> judge(std::vector<doubt> doubts,
                           const std::vector<provider_job>& jobs,
                           caf::timespan after = 30s,
                           const evidence& known = {}) {
  provider_listing aut{epoch + 10s + after, std::move(doubts)};
  aut.add(jobs);
  aut.complete();
  return aut.judge(known);
}

} // namespace

TEST_CASE("an attempt found in the list is adopted at once", "[reconcile]") {
  const auto found = judge({in_doubt(1)}, {listed("x", "{}"), listed("y")}, 0s);
  REQUIRE(found.size() == 1);
  CHECK(found[0].decision == verdict::adopt);
  CHECK(found[0].seen.external_id == "y");
}

TEST_CASE("only a complete listing after the window allows another try",
          "[reconcile][Q3]") {
  CHECK(judge({in_doubt(1)}, {}, 29s)[0].decision == verdict::wait);
  CHECK(judge({in_doubt(1)}, {}, 30s)[0].decision == verdict::resubmit);
  provider_listing partial{epoch + 1h, {in_doubt(1)}};
  partial.add({listed("x", "{}")});
  CHECK(partial.judge({})[0].decision == verdict::wait);
}

TEST_CASE("a job of that version without input cannot be ruled out",
          "[reconcile][Q3]") {
  const std::vector<provider_job> jobs{listed("x", "")};
  CHECK(judge({in_doubt(1)}, jobs, 29s)[0].decision == verdict::wait);
  CHECK(judge({in_doubt(1)}, jobs)[0].decision == verdict::unresolved);
  CHECK(judge({in_doubt(1)}, jobs, 30s, {.adopted = {"x"}})[0].decision
        == verdict::resubmit);
  auto other = listed("x", "");
  other.version = "v2";
  CHECK(judge({in_doubt(1)}, {other})[0].decision == verdict::resubmit);
  auto older = listed("x", "");
  older.created_at = epoch - 6min;
  CHECK(judge({in_doubt(1)}, {older})[0].decision == verdict::resubmit);
}

TEST_CASE("without both versions an equal input proves nothing",
          "[reconcile][Q3]") {
  auto seen = listed("x");
  seen.version.clear();
  CHECK(judge({in_doubt(1)}, {seen})[0].decision == verdict::unresolved);
  seen.input = "{}";
  CHECK(judge({in_doubt(1)}, {seen})[0].decision == verdict::resubmit);
}

TEST_CASE("equal attempts share the matches, each job once", "[reconcile]") {
  const auto found = judge({in_doubt(1), in_doubt(2), in_doubt(3)},
                           {listed("young"), listed("taken"), listed("old")},
                           30s, {.adopted = {"taken"}});
  REQUIRE(found.size() == 3);
  CHECK(found[0].seen.external_id == "old");
  CHECK(found[1].seen.external_id == "young");
  CHECK(found[2].decision == verdict::resubmit);
}

TEST_CASE("a match is left alone while an equal request is under way",
          "[reconcile][Q2]") {
  const auto subject = in_doubt(1);
  const evidence known{.under_way = {subject.attempt.fingerprint}};
  CHECK(judge({subject}, {listed("x")}, 30s, known)[0].decision
        == verdict::wait);
  CHECK(judge({subject}, {}, 30s, known)[0].decision == verdict::resubmit);
}

TEST_CASE("paging ends where the jobs are too old", "[reconcile]") {
  provider_listing aut{epoch, {in_doubt(1)}};
  CHECK(aut.created_after() == epoch + 1ms - 5min);
  CHECK(!aut.add({listed("x")}));
  auto older = listed("y");
  older.created_at = epoch - 6min;
  CHECK(aut.add({listed("x"), older}));
}

TEST_CASE("no verdict ever pays twice or gives a job away", "[reconcile][Q3]") {
  std::mt19937 random{11};
  const auto pick = [&](int n) {
    return std::uniform_int_distribution{0, n - 1}(random);
  };
  for (int round = 0; round < 1000; ++round) {
    // Attempts of three kinds, and what the provider really made of them.
    std::vector<doubt> doubts;
    std::vector<provider_job> jobs;
    std::map<int, int> made, removed;
    const auto input_of
      = [](int kind) { return R"({"kind":)" + std::to_string(kind) + "}"; };
    std::map<int64_t, int> kind_of;
    for (int64_t id = 1; id <= 1 + pick(4); ++id) {
      const auto kind = pick(3);
      kind_of[id] = kind;
      doubts.push_back(in_doubt(id, input_of(kind)));
      if (pick(2) == 0) {
        const auto gone = pick(4) == 0;
        ++(gone ? removed : made)[kind];
        jobs.push_back(listed("x" + std::to_string(id),
                              gone ? std::string{} : input_of(kind)));
      }
    }
    std::shuffle(jobs.begin(), jobs.end(), random);
    const auto late = pick(2) == 0;
    std::set<std::string> given;
    std::map<int, int> adopted, again;
    for (const auto& x : judge(doubts, jobs, late ? 30s : 5s)) {
      const auto kind = kind_of.at(x.subject.attempt.id);
      if (x.decision == verdict::adopt) {
        CHECK(given.insert(x.seen.external_id).second);
        ++adopted[kind];
      } else if (x.decision == verdict::resubmit) {
        CHECK(late);
        CHECK(removed.empty()); // any of them could be this one
        ++again[kind];
      } else {
        CHECK((x.decision == verdict::unresolved) == late);
      }
    }
    for (const auto& [kind, count] : again)
      CHECK(adopted[kind] == made[kind]); // nothing readable is left over
  }
}
