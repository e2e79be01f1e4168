#include "actors/job_poller/poll_lane.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <set>

// The plan for one provider alone: whom to ask when, and how.

using namespace tunerd;
using namespace std::literals;

namespace {

using time_point = poll_lane::time_point;

constexpr size_t page_size = 100;

/// The list of a provider, newest first, and the jobs of ours on it.
struct listed_jobs {
  std::vector<provider_job> all = {};
  std::vector<due_job> ours = {};

  provider_job_page page(const list_provider_jobs& question) const {
    const auto begin
      = question.cursor.empty() ? size_t{0} : std::stoul(question.cursor);
    provider_job_page result{.ctx = question.ctx, .jobs = {}};
    for (auto i = begin; i < std::min(begin + page_size, all.size()); ++i)
      if (!all[i].created_at || *all[i].created_at >= question.created_after)
        result.jobs.push_back(all[i]);
    if (begin + page_size < all.size() && result.jobs.size() == page_size)
      result.next = std::to_string(begin + page_size);
    return result;
  }
};

due_job nth(size_t n) {
  const auto id = std::to_string(n);
  return {.id = id, .provider = "p", .external_id = "x" + id};
}

provider_job shown(const std::string& id, timestamp created) {
  provider_job result{.external_id = id, .raw_status = "processing"};
  result.status = job_status::running;
  result.created_at = created;
  return result;
}

/// What one turn cost, and whom it served.
struct account {
  size_t pages = 0;
  size_t singles = 0;
  /// How often each was asked or seen.
  std::map<std::string, size_t> served = {};

  size_t calls() const {
    return pages + singles;
  }
};

/// Lets the lane ask whatever it wants at `now`, answered at once.
void serve(poll_lane& lane, const listed_jobs& there, time_point now,
           account& result) {
  for (bool busy = true; busy;) {
    busy = false;
    while (auto x = lane.next_job(now)) {
      ++result.singles;
      ++result.served[x->id];
      lane.succeeded();
      lane.done(*x);
      busy = true;
    }
    if (auto question = lane.next_page(now)) {
      ++result.pages;
      busy = true;
      for (auto& x : lane.read(there.page(*question), now)) {
        ++result.served[x.subject.id];
        lane.done(x.subject);
      }
    }
  }
}

/// One turn, from its begin to its end.
account run_turn(poll_lane& lane, const listed_jobs& there, time_point begin,
                 caf::timespan window) {
  account result;
  lane.begin_turn({"c"}, there.ours, begin, window);
  serve(lane, there, begin, result);
  while (auto due = lane.next_due(begin)) {
    REQUIRE(*due <= begin + window);
    serve(lane, there, *due, result);
  }
  return result;
}

/// @returns a list of `count` jobs of ours among as many others as `others`
/// says, the last `unlisted` of ours not on it.
listed_jobs mixed(std::mt19937_64& dice, size_t count, size_t others,
                  size_t unlisted) {
  listed_jobs result;
  const timestamp start{1'000h};
  for (size_t i = 0; i < count; ++i) {
    auto x = nth(i);
    x.created_at = start + 1s * static_cast<int>(dice() % 100'000);
    if (i + unlisted < count)
      result.all.push_back(shown(x.external_id, x.created_at));
    result.ours.push_back(std::move(x));
  }
  for (size_t i = 0; i < others; ++i)
    result.all.push_back(
      shown("o" + std::to_string(i),
            start + 1s * static_cast<int>(dice() % 100'000)));
  std::sort(
    result.all.begin(), result.all.end(),
    [](const auto& a, const auto& b) { return *a.created_at > *b.created_at; });
  return result;
}

const time_point start_time{std::chrono::hours{1}};

} // namespace

TEST_CASE("each job is asked once per turn, by few calls",
          "[job_poller][P1][P12]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 dice{seed};
  for (int run = 0; run < 30; ++run) {
    const auto count = dice() % 500;
    const auto others = dice() % 3 == 0 ? dice() % 2'000 : dice() % 200;
    const auto there = mixed(dice, count, others, dice() % (count / 2 + 1));
    poll_lane lane{{.name = "p", .max_in_flight = 64}};
    const auto spent = run_turn(lane, there, start_time, 30s);
    REQUIRE(spent.served.size() == count);
    for (const auto& [id, times] : spent.served)
      REQUIRE(times == 1);
    REQUIRE(lane.size() == 0);
    REQUIRE(!lane.next_due(start_time + 60s));
    // Never much more than one call each, whatever else is on the list.
    REQUIRE(spent.calls() <= count + count / 20 + 6);
    if (count <= 100)
      REQUIRE(spent.pages == 0);
  }
}

TEST_CASE("ten thousand jobs take at most 110 calls", "[job_poller]") {
  std::mt19937_64 dice{7};
  const auto there = mixed(dice, 10'000, 0, 9);
  poll_lane lane{{.name = "p", .max_in_flight = 64}};
  const auto spent = run_turn(lane, there, start_time, 30s);
  CHECK(spent.calls() <= 110);
  CHECK(spent.served.size() == 10'000);
}

TEST_CASE("a list full of other jobs is given up, ever longer",
          "[job_poller]") {
  std::mt19937_64 dice{7};
  auto there = mixed(dice, 200, 0, 0);
  const auto newer = shown("other", timestamp{2'000h});
  there.all.insert(there.all.begin(), 2'000, newer);
  poll_lane lane{{.name = "p", .max_in_flight = 64}};
  std::vector<bool> listed;
  for (int turn = 0; turn < 12; ++turn) {
    const auto spent = run_turn(lane, there, start_time + turn * 30s, 30s);
    CHECK(spent.served.size() == 200);
    CHECK(spent.calls() <= 216);
    listed.push_back(spent.pages > 0);
  }
  CHECK(listed == std::vector<bool>{1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0});
  there = mixed(dice, 200, 0, 0); // It is worth it again.
  size_t calls = 0;
  for (int turn = 12; turn < 30; ++turn)
    calls = run_turn(lane, there, start_time + turn * 30s, 30s).calls();
  CHECK(calls == 2);
}

TEST_CASE("few questions are spread evenly, stalest first", "[job_poller]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 dice{seed};
  for (int run = 0; run < 100; ++run) {
    const auto count = 1 + dice() % 100;
    const caf::timespan window = 1ms * static_cast<int>(dice() % 60'000);
    poll_lane lane{{.name = "p"}};
    std::vector<due_job> due;
    for (size_t i = 0; i < count; ++i)
      due.push_back(nth(i));
    REQUIRE(lane.begin_turn({"c"}, due, start_time, window) == count);
    for (size_t i = 0; i < count; ++i) {
      const auto when = lane.next_due(start_time);
      REQUIRE(when);
      const auto even = window * static_cast<int>(i) / static_cast<int>(count);
      REQUIRE(std::chrono::abs(*when - start_time - even) < 1us);
      REQUIRE((*when == start_time || !lane.next_job(*when - 1ns)));
      const auto x = lane.next_job(*when);
      REQUIRE(x);
      REQUIRE(x->id == std::to_string(i));
      lane.done(*x);
    }
  }
}

TEST_CASE("a lane asks everybody once and never too many",
          "[job_poller][P1][P3]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 dice{seed};
  for (int run = 0; run < 200; ++run) {
    const auto limit = static_cast<int32_t>(1 + dice() % 4);
    poll_lane lane{{.name = "p", .max_in_flight = limit, .has_list = false}};
    auto now = start_time;
    std::vector<due_job> flying;
    std::set<std::string> inside;
    for (int step = 0; step < 80; ++step, now += 1s * (dice() % 3)) {
      const auto x = nth(dice() % 12);
      const bool flies
        = std::any_of(flying.begin(), flying.end(),
                      [&](const auto& y) { return y.id == x.id; });
      switch (dice() % 6) {
        case 0:
          REQUIRE(lane.begin_turn({"c"}, {x}, now, 10s)
                  == (inside.insert(x.id).second ? 1 : 0));
          break;
        case 1: REQUIRE(lane.hurry(x) == inside.insert(x.id).second); break;
        case 2:
          if (auto y = lane.next_job(now)) {
            REQUIRE(flying.size() < static_cast<size_t>(limit));
            flying.push_back(*y);
          }
          break;
        case 3:
          if (flying.empty())
            break;
          lane.succeeded();
          lane.done(flying.back());
          inside.erase(flying.back().id);
          flying.pop_back();
          break;
        case 4:
          if (flying.empty())
            break;
          lane.put_back(flying.back(), now);
          REQUIRE(!lane.next_job(now));
          flying.pop_back();
          break;
        default: {
          std::unordered_set<std::string_view> kept{inside.begin(),
                                                    inside.end()};
          kept.erase(x.id);
          const bool waits = inside.count(x.id) > 0 && !flies;
          REQUIRE(lane.keep_only(kept).size() == (waits ? 1 : 0));
          if (waits)
            inside.erase(x.id);
        }
      }
      REQUIRE(lane.size() == inside.size());
      for (const auto& id : inside)
        REQUIRE(lane.holds(id));
    }
  }
}

TEST_CASE("somebody who waits is served before all others", "[job_poller]") {
  poll_lane lane{{.name = "p", .max_in_flight = 1}};
  std::mt19937_64 dice{7};
  auto there = mixed(dice, 150, 0, 0);
  lane.begin_turn({"c"}, {nth(900), nth(901)}, start_time, 30s);
  lane.begin_turn({"c"}, there.ours, start_time, 30s);
  CHECK(!lane.hurry(nth(901))); // It waited for its time.
  CHECK(!lane.hurry(nth(77)));  // It was to be looked for on the list.
  CHECK(lane.hurry(nth(999)));
  CHECK(!lane.hurry(nth(999)));
  for (const auto* id : {"901", "77", "999", "900"}) {
    const auto x = lane.next_job(start_time);
    REQUIRE(x);
    CHECK(x->id == id);
    CHECK(!lane.hurry(*x));
    CHECK(!lane.next_page(start_time)); // One at a time.
    lane.done(*x);
  }
  account rest;
  serve(lane, there, start_time, rest);
  CHECK(rest.pages == 2);
  CHECK(rest.served.size() == 149);
  CHECK(lane.size() == 0);
}

TEST_CASE("a job that has ended on a page is asked about", "[job_poller]") {
  std::mt19937_64 dice{7};
  auto there = mixed(dice, 150, 0, 0);
  for (auto& x : there.all)
    if (x.external_id == "x42")
      x.status = job_status::completed;
  poll_lane lane{{.name = "p"}};
  const auto spent = run_turn(lane, there, start_time, 30s);
  CHECK(spent.pages == 2);
  CHECK(spent.singles == 1);
  CHECK(spent.served.at("42") == 1);
  lane.begin_turn({"c"}, there.ours, start_time, 30s);
  while (auto page = lane.next_page(start_time))
    for (auto& x : lane.read(there.page(*page), start_time))
      lane.done(x.subject);
  const auto x = lane.next_job(start_time);
  REQUIRE(x);
  REQUIRE(x->listed);
  CHECK(x->listed->status == job_status::completed);
}

TEST_CASE("two jobs that claim one id are both asked", "[job_poller]") {
  std::mt19937_64 dice{7};
  auto there = mixed(dice, 150, 0, 0);
  there.ours.push_back(nth(500));
  there.ours.back().external_id = "x7";
  poll_lane lane{{.name = "p"}};
  const auto spent = run_turn(lane, there, start_time, 30s);
  CHECK(spent.served.size() == 151);
  CHECK(spent.singles == 1);
}

TEST_CASE("a page that cannot be had leaves single questions", "[job_poller]") {
  std::mt19937_64 dice{7};
  const auto there = mixed(dice, 300, 0, 0);
  poll_lane lane{{.name = "p", .max_in_flight = 64}};
  account spent;
  lane.begin_turn({"c"}, there.ours, start_time, 30s);
  REQUIRE(lane.next_page(start_time));
  CHECK(!lane.next_page(start_time));
  lane.page_put_back(start_time);
  CHECK(!lane.next_page(start_time));
  CHECK(lane.next_due(start_time) == start_time + 1s);
  const auto page = lane.next_page(start_time + 1s);
  REQUIRE(page); // The same again.
  CHECK(page->cursor.empty());
  for (auto& x : lane.read(there.page(*page), start_time + 1s))
    lane.done(x.subject);
  REQUIRE(lane.next_page(start_time + 2s));
  lane.page_failed(start_time + 10s);
  CHECK(lane.size() == 200);
  serve(lane, there, start_time + 20s, spent);
  CHECK(spent.pages == 0);
  CHECK(spent.singles > 95); // Over the 20 s that were left.
  CHECK(spent.singles < 105);
  serve(lane, there, start_time + 30s, spent);
  CHECK(spent.singles == 200);
}

TEST_CASE("a walk that overruns its turn is not doubled", "[job_poller]") {
  std::mt19937_64 dice{7};
  const auto there = mixed(dice, 500, 0, 0);
  poll_lane lane{{.name = "p"}};
  lane.begin_turn({"c"}, there.ours, start_time, 30s);
  for (int page = 0; page < 3; ++page)
    for (auto& x :
         lane.read(there.page(*lane.next_page(start_time)), start_time))
      lane.done(x.subject);
  const auto later = start_time + 30s;
  CHECK(lane.begin_turn({"c"}, there.ours, later, 30s) == 0);
  CHECK(lane.begin_turn({"c"}, {nth(900)}, later, 30s) == 1);
  account rest;
  serve(lane, there, later, rest);
  CHECK(rest.pages == 2);
  CHECK(rest.singles == 1);
  CHECK(lane.begin_turn({"c"}, there.ours, later + 30s, 30s) == 500);
}

TEST_CASE("pages wait for the store", "[job_poller]") {
  std::mt19937_64 dice{7};
  const auto there = mixed(dice, 2'000, 0, 0);
  poll_lane lane{{.name = "p"}};
  lane.begin_turn({"c"}, there.ours, start_time, 30s);
  std::vector<sighting> open;
  while (auto page = lane.next_page(start_time))
    for (auto& x : lane.read(there.page(*page), start_time))
      open.push_back(std::move(x));
  CHECK(open.size() == 500);
  CHECK(!lane.next_due(start_time)); // Only an answer helps.
  lane.done(open.back().subject);
  CHECK(lane.next_page(start_time));
}

TEST_CASE("a lane halves what its provider throttles", "[job_poller][P9]") {
  poll_lane lane{{.name = "p", .max_in_flight = 8, .has_list = false}};
  std::vector<due_job> due;
  for (size_t i = 0; i < 100; ++i)
    due.push_back(nth(i));
  lane.begin_turn({"c"}, due, start_time, 0s);
  const auto fly = [&](time_point now) {
    std::vector<due_job> result;
    while (auto x = lane.next_job(now))
      result.push_back(*x);
    return result;
  };
  auto now = start_time;
  for (const auto& [count, pause] :
       std::vector<std::pair<size_t, caf::timespan>>{
         {8, 1s}, {4, 2s}, {2, 4s}, {1, 8s}, {1, 16s}, {1, 30s}, {1, 30s}}) {
    auto flying = fly(now);
    CHECK(flying.size() == count);
    for (auto& x : flying) // All of them in one pause.
      lane.put_back(std::move(x), now);
    CHECK(lane.size() == 100);
    CHECK(lane.next_due(now) == now + pause);
    now += pause;
  }
  for (const size_t count : {1, 2, 4, 8, 8}) {
    auto flying = fly(now);
    CHECK(flying.size() == count);
    for (const auto& x : flying) {
      lane.succeeded();
      lane.done(x);
    }
  }
}

TEST_CASE("a provider that answers nobody is tried once a turn",
          "[job_poller][P3]") {
  poll_lane lane{{.name = "p", .max_in_flight = 4, .has_list = false}};
  std::vector<due_job> due;
  for (size_t i = 0; i < 100; ++i)
    due.push_back(nth(i));
  const auto refuse_all = [&](time_point now) {
    size_t asked = 0;
    lane.begin_turn({"c"}, due, now, 0s);
    while (auto x = lane.next_job(now)) {
      ++asked;
      lane.refused();
      lane.done(*x);
    }
    CHECK(lane.size() == 0);
    return asked;
  };
  CHECK(refuse_all(start_time) == 8);
  CHECK(refuse_all(start_time + 30s) == 1);
  // One job that is refused among others holds up nobody.
  lane.begin_turn({"c"}, due, start_time + 60s, 0s);
  size_t asked = 0;
  while (auto x = lane.next_job(start_time + 60s)) {
    if (asked++ % 3 == 2)
      CHECK(lane.refused().empty());
    else
      lane.succeeded();
    lane.done(*x);
  }
  CHECK(asked == 100);

  poll_lane listing{{.name = "p"}};
  std::mt19937_64 dice{7};
  listing.begin_turn({"c"}, mixed(dice, 300, 0, 0).ours, start_time, 30s);
  REQUIRE(listing.next_page(start_time));
  CHECK(listing.page_refused().size() == 300);
  CHECK(!listing.next_page(start_time));
  CHECK(listing.size() == 0);
}

TEST_CASE("a lane knows who is late", "[job_poller]") {
  poll_lane lane{{.name = "p", .max_in_flight = 2}};
  std::mt19937_64 dice{7};
  const auto there = mixed(dice, 300, 0, 0);
  lane.begin_turn({"c"}, {nth(900), nth(901), nth(902)}, start_time, 30s);
  CHECK(lane.late(start_time) == 0);
  CHECK(lane.late(start_time + 30s) == 3);
  lane.next_job(start_time);
  CHECK(lane.late(start_time + 30s) == 2);
  lane.begin_turn({"c"}, there.ours, start_time + 30s, 30s);
  CHECK(lane.late(start_time + 60s) == 302);
  CHECK(lane.end_turn().size() == 302);
  CHECK(lane.late(start_time + 60s) == 0);
  CHECK(lane.size() == 1); // Under way.
}
