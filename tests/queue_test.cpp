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

} // namespace

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

// -- reconciliation -----------------------------------------------------------

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

TEST_CASE("a job of that time may be a stranger's", "[reconcile][Q3]") {
  const evidence busy{.has_strangers = true};
  CHECK(judge({in_doubt(1)}, {listed("x", "")}, 30s, busy)[0].decision
        == verdict::wait);
  CHECK(judge({in_doubt(1)}, {}, 30s, busy)[0].decision == verdict::resubmit);
}

TEST_CASE("a list that never shows all is left to a person",
          "[reconcile][Q3]") {
  const auto hopeless = [](caf::timespan after) {
    provider_listing aut{epoch + 10s + after, {in_doubt(1)}};
    aut.give_up();
    return aut.judge({.has_strangers = true})[0].decision;
  };
  CHECK(hopeless(29s) == verdict::wait);
  CHECK(hopeless(30s) == verdict::unresolved);
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
  const std::vector jobs{listed("young"), listed("taken"), listed("old")};
  const auto first = judge({in_doubt(1), in_doubt(2), in_doubt(3)}, jobs, 30s,
                           {.adopted = {"taken"}});
  REQUIRE(first.size() == 3);
  CHECK(first[0].seen.external_id == "old");
  CHECK(first[1].decision == verdict::wait); // "old" may be another's
  CHECK(first[2].decision == verdict::wait);
  const auto second = judge({in_doubt(2), in_doubt(3)}, jobs, 30s,
                            {.adopted = {"taken", "old"}});
  CHECK(second[0].seen.external_id == "young");
  CHECK(second[1].decision == verdict::wait);
  const auto third
    = judge({in_doubt(3)}, jobs, 30s, {.adopted = {"taken", "old", "young"}});
  CHECK(third[0].decision == verdict::resubmit);
}

TEST_CASE("what an older equal attempt may have started is not given away",
          "[reconcile][Q2][Q3]") {
  // The oldest job is that of an attempt long ago, which nobody remembers.
  const auto found = judge({in_doubt(1), in_doubt(2)},
                           {listed("of 1"), listed("forgotten")}, 30s, {});
  CHECK(found[0].seen.external_id == "forgotten");
  CHECK(found[1].decision == verdict::wait);
  const auto later
    = judge({in_doubt(1), in_doubt(2)}, {listed("of 1"), listed("forgotten")},
            30s, {.refused = {{1, "forgotten"}}});
  CHECK(later[0].seen.external_id == "of 1");
  CHECK(later[1].decision == verdict::wait);
}

TEST_CASE("a match is left alone while an equal request is under way",
          "[reconcile][Q2]") {
  const auto subject = in_doubt(1);
  const evidence known{.under_way = {subject.attempt.fingerprint}};
  CHECK(judge({subject}, {listed("x")}, 30s, known)[0].decision
        == verdict::wait);
  CHECK(judge({subject}, {}, 30s, known)[0].decision == verdict::wait);
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
    // Equal ones are settled one after the other.
    for (auto is_moving = true; is_moving && !doubts.empty();) {
      std::set<int64_t> settled;
      for (const auto& x :
           judge(doubts, jobs, late ? 30s : 5s, {.adopted = given})) {
        const auto kind = kind_of.at(x.subject.attempt.id);
        if (x.decision == verdict::wait)
          continue;
        settled.insert(x.subject.attempt.id);
        if (x.decision == verdict::adopt) {
          CHECK(given.insert(x.seen.external_id).second);
          ++adopted[kind];
        } else if (x.decision == verdict::resubmit) {
          CHECK(late);
          CHECK(removed.empty()); // any of them could be this one
          ++again[kind];
        } else {
          CHECK(late);
        }
      }
      std::erase_if(doubts, [&](const doubt& x) {
        return settled.count(x.attempt.id) > 0;
      });
      is_moving = !settled.empty();
    }
    CHECK((doubts.empty() || !late));
    for (const auto& [kind, count] : again)
      CHECK(adopted[kind] == made[kind]); // nothing readable is left over
  }
}
