#include "actors/provider_gateway/circuit_breaker.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <vector>

using namespace tunerd;
using namespace std::chrono_literals;
using change = circuit_breaker::change;

namespace {

using time_point = circuit_breaker::time_point;

constexpr auto success = call_verdict::success;
constexpr auto failure = call_verdict::failure;
constexpr auto neither = call_verdict::neither;

/// A breaker with a clock at hand.
struct bench {
  /// Makes a call and ends it.
  change call(call_verdict verdict) {
    const auto [era, changed] = breaker.admit(now);
    REQUIRE(era);
    return breaker.conclude(*era, verdict, now, timestamp{});
  }

  uint64_t admit() {
    const auto era = breaker.admit(now).era;
    REQUIRE(era);
    return *era;
  }

  bool refuses() {
    return !breaker.admit(now).era;
  }

  void open() {
    for (int i = 0; i < 5; ++i)
      call(failure);
    REQUIRE(breaker.phase(now) == breaker_phase::open);
  }

  circuit_breaker breaker;
  time_point now{1h};
};

/// The same rules, told by what has happened since the last change of phase,
/// kept whole and counted anew each time.
struct naive_breaker {
  struct call {
    uint64_t era;
    bool over = false;
    call_verdict verdict = neither;
  };

  int count(call_verdict wanted) const {
    return static_cast<int>(std::count(ends.begin(), ends.end(), wanted));
  }

  /// Failures at the end of the history, whatever lies between them.
  int failures_in_a_row() const {
    int result = 0;
    for (auto i = ends.rbegin(); i != ends.rend() && *i != success; ++i)
      result += *i == failure ? 1 : 0;
    return result;
  }

  void enter(breaker_phase next) {
    phase = next;
    ++era;
    ends.clear();
  }

  int under_way() const {
    return static_cast<int>(
      std::count_if(calls.begin(), calls.end(),
                    [this](const call& x) { return x.era == era && !x.over; }));
  }

  bool admit(time_point now) {
    if (phase == breaker_phase::open) {
      if (now - opened_at < 60s)
        return false;
      enter(breaker_phase::half_open);
    }
    if (phase == breaker_phase::half_open && under_way() >= 3)
      return false;
    calls.push_back({era});
    return true;
  }

  void end(size_t index, call_verdict verdict, time_point now) {
    calls[index].over = true;
    if (calls[index].era != era)
      return;
    ends.push_back(verdict);
    const bool half = phase == breaker_phase::half_open;
    if (half ? count(failure) > 0 : failures_in_a_row() >= 5) {
      enter(breaker_phase::open);
      opened_at = now;
    } else if (half && count(success) >= 2) {
      enter(breaker_phase::closed);
    }
  }

  breaker_phase phase = breaker_phase::closed;
  uint64_t era = 0;
  time_point opened_at = {};
  std::vector<call_verdict> ends = {};
  std::vector<call> calls = {};
};

/// A breaker and its model in a random sequence of calls and pauses.
struct race {
  explicit race(std::mt19937_64& source) : random(source) {
  }

  /// @returns whether both did the same.
  bool agree_on_next() {
    if (random() % 4 == 0)
      now += std::chrono::seconds{random() % 40};
    const bool same = random() % 2 == 0 ? agree_on_begin() : agree_on_end();
    // Only a call moves an open breaker on; until then it only says so.
    const bool rested
      = model.phase == breaker_phase::open && now - model.opened_at >= 60s;
    return same
           && subject.phase(now)
                == (rested ? breaker_phase::half_open : model.phase);
  }

  bool agree_on_begin() {
    const bool expected = subject.would_admit(now);
    const bool waits = subject.retry_after(now) > 0s;
    const auto [era, changed] = subject.admit(now);
    if (era)
      eras.push_back(*era);
    return era.has_value() == model.admit(now) && era.has_value() == expected
           && expected != waits;
  }

  /// Ends any call that is under way, also one from an earlier phase.
  bool agree_on_end() {
    std::vector<size_t> open;
    for (size_t i = 0; i < model.calls.size(); ++i)
      if (!model.calls[i].over)
        open.push_back(i);
    if (open.empty())
      return true;
    const auto index = open[random() % open.size()];
    const auto verdict = random() % 100 < failing ? failure
                         : random() % 5 == 0      ? neither
                                                  : success;
    const auto before = subject.phase(now);
    const auto changed
      = subject.conclude(eras[index], verdict, now, timestamp{});
    changes += changed != change::none ? 1 : 0;
    model.end(index, verdict, now);
    return (subject.phase(now) != before) == (changed != change::none);
  }

  std::mt19937_64& random;
  uint64_t failing = random() % 100; // per cent
  circuit_breaker subject = {};
  naive_breaker model = {};
  std::vector<uint64_t> eras = {};
  time_point now{1h};
  int changes = 0;
};

} // namespace

TEST_CASE("five failures in a row open a breaker", "[circuit_breaker][W6]") {
  bench x;
  for (int i = 0; i < 4; ++i)
    CHECK(x.call(failure) == change::none);
  CHECK(x.call(success) == change::none);
  for (int i = 0; i < 4; ++i)
    CHECK(x.call(failure) == change::none);
  CHECK(x.call(failure) == change::opened);
  CHECK(x.refuses());
  CHECK(x.breaker.retry_after(x.now) == 60s);
  CHECK(x.breaker.failures_in_a_row() == 5);
}

TEST_CASE("what is neither success nor failure changes nothing",
          "[circuit_breaker][P9][W6]") {
  bench x;
  for (int i = 0; i < 4; ++i)
    x.call(failure);
  for (int i = 0; i < 100; ++i)
    CHECK(x.call(neither) == change::none);
  CHECK(x.call(failure) == change::opened);
  x.now += 60s;
  for (int i = 0; i < 100; ++i)
    CHECK(x.call(neither) == change::none);
  CHECK(x.breaker.phase(x.now) == breaker_phase::half_open);
}

TEST_CASE("an open breaker refuses for a minute and then probes",
          "[circuit_breaker][W6]") {
  bench x;
  x.open();
  x.now += 60s - 1ns;
  CHECK(x.refuses());
  CHECK(x.breaker.retry_after(x.now) == 1ns);
  x.now += 1ns;
  CHECK(x.breaker.phase(x.now) == breaker_phase::half_open);
  CHECK(x.breaker.admit(x.now).changed == change::half_opened);
  CHECK(x.breaker.admit(x.now).changed == change::none);
  CHECK(x.breaker.admit(x.now).era);
  CHECK(x.refuses()); // three under way
  CHECK(x.breaker.retry_after(x.now) > 0s);
}

TEST_CASE("two successes close a half-open breaker", "[circuit_breaker]") {
  bench x;
  x.open();
  x.now += 1min;
  CHECK(x.call(success) == change::none);
  CHECK(x.breaker.status(x.now).success_count == 1);
  CHECK(x.call(success) == change::closed);
  CHECK(x.breaker.failures_in_a_row() == 0);
  CHECK(x.call(failure) == change::none);
}

TEST_CASE("one failed probe opens a breaker for another minute",
          "[circuit_breaker]") {
  bench x;
  x.open();
  x.now += 1min;
  CHECK(x.call(success) == change::none);
  CHECK(x.call(failure) == change::reopened);
  x.now += 59s;
  CHECK(x.refuses());
  x.now += 1s;
  CHECK(!x.refuses());
}

TEST_CASE("a call from before a change of phase decides nothing after it",
          "[circuit_breaker]") {
  bench x;
  std::vector<uint64_t> old;
  for (int i = 0; i < 20; ++i)
    old.push_back(x.admit());
  x.open();
  x.now += 1min;
  const auto probe = x.admit();
  for (const auto era : old)
    CHECK(x.breaker.conclude(era, failure, x.now, {}) == change::none);
  CHECK(x.breaker.phase(x.now) == breaker_phase::half_open);
  CHECK(x.breaker.conclude(probe, success, x.now, {}) == change::none);
  CHECK(x.call(success) == change::closed);
  CHECK(x.breaker.status(x.now).failures_total == 25);
}

TEST_CASE("a breaker tells how it is", "[circuit_breaker]") {
  bench x;
  CHECK(!x.breaker.status(x.now).last_failure);
  x.call(success);
  CHECK(x.breaker.status(x.now).success_count == 1);
  CHECK(x.breaker.status(x.now).successes_total == 1);
  const auto at = timestamp{1'700'000'000s};
  for (int i = 0; i < 5; ++i)
    x.breaker.conclude(x.admit(), failure, x.now, at);
  x.now += 20s;
  const auto status = x.breaker.status(x.now);
  CHECK(status.phase == breaker_phase::open);
  CHECK(status.failure_count == 5);
  CHECK(status.success_count == 0);
  CHECK(status.failures_total == 5);
  CHECK(status.last_failure == at);
  CHECK(status.retry_after == 40s);
  x.now += 40s;
  CHECK(x.breaker.status(x.now).phase == breaker_phase::half_open);
  CHECK(x.breaker.status(x.now).retry_after == 0s);
}

TEST_CASE("a breaker does what a naive one does", "[circuit_breaker][W6]") {
  const auto seed = Catch::rngSeed();
  std::mt19937_64 random{seed};
  int changes = 0;
  for (int run = 0; run < 5'000; ++run) {
    race both{random};
    for (int step = 0; step < 40; ++step)
      if (!both.agree_on_next()) {
        INFO("seed " << seed << " run " << run << " step " << step);
        REQUIRE(false);
      }
    changes += both.changes;
  }
  CHECK(changes > 1'000); // The sequences lead somewhere.
}
