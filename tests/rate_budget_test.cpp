#include "actors/provider_gateway/rate_budget.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using namespace tunerd;
using namespace std::chrono_literals;
using time_point = rate_budget::time_point;

namespace {

constexpr caf::timespan endless = 24h * 365;

/// @returns the most of `times`, which rise, within any half-open `window`.
size_t most_within(const std::vector<time_point>& times, caf::timespan window) {
  size_t result = 0;
  for (size_t from = 0, to = 0; to < times.size(); ++to) {
    while (times[to] - times[from] >= window)
      ++from;
    result = std::max(result, to - from + 1);
  }
  return result;
}

/// Arrivals that are now dense, now rare.
struct arrivals {
  std::mt19937_64 random;
  time_point now{1h};

  time_point next() {
    const auto span = random() % 20 == 0 ? 20s : random() % 3 == 0 ? 1s : 0s;
    now += std::chrono::milliseconds{random() % (span.count() * 1'000 + 3)};
    return now;
  }
};

} // namespace

TEST_CASE("no minute has more calls than the budget", "[rate_budget][P9]") {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    arrivals when{std::mt19937_64{seed}};
    const auto per_minute = static_cast<int64_t>(1 + when.random() % 900);
    rate_budget budget{per_minute};
    const caf::timespan patience = when.random() % 2 == 0 ? endless : 3s;
    std::vector<time_point> made;
    for (int i = 0; i < 3'000; ++i)
      if (const auto at = budget.take(when.next(), patience).at)
        made.push_back(*at);
    REQUIRE(std::is_sorted(made.begin(), made.end()));
    const auto limit = static_cast<size_t>(per_minute);
    const auto burst = std::max<size_t>(1, limit / 10);
    CHECK(most_within(made, 60s) <= limit);
    CHECK(most_within(made, 1ns) <= burst);
    // rate * t + burst in a window of any length
    const auto steady = std::max<size_t>(1, limit - burst);
    for (const caf::timespan window : {1s, 7s, 30s, 200s})
      CHECK(most_within(made, window)
            <= burst + steady * static_cast<size_t>(window / 1s) / 60 + 1);
  }
}

TEST_CASE("a place is the first one that is free", "[rate_budget]") {
  rate_budget budget{60}; // 6 at once, then one in 60/54 s
  const time_point now{1h};
  for (int i = 0; i < 6; ++i)
    CHECK(budget.take(now, 0s).at == now);
  CHECK(budget.left(now) == 0);
  CHECK(!budget.take(now, 1s).at);
  const auto wait = budget.wait(now);
  CHECK(wait == caf::timespan{1'111'111'112});
  CHECK(budget.take(now, 2s).at == now + wait);
  CHECK(budget.take(now, 3s).at == now + 2 * wait);
  // All of it comes back.
  CHECK(budget.left(now + 1min) == 6);
}

TEST_CASE("the budget is used to its ninth tenth", "[rate_budget]") {
  rate_budget budget{600};
  const time_point begin{1h};
  std::vector<time_point> made;
  for (int i = 0; i < 6'000; ++i)
    made.push_back(*budget.take(begin, endless).at);
  // 60 at once and 540 a minute.
  CHECK(made.back() - begin <= 11min + 1s);
}

TEST_CASE("whoever asks first goes first", "[rate_budget]") {
  rate_budget budget{30};
  arrivals when{std::mt19937_64{7}};
  time_point last{};
  for (int i = 0; i < 1'000; ++i) {
    const auto at = budget.take(when.next(), endless).at;
    REQUIRE(at);
    CHECK(*at >= last);
    last = *at;
  }
}

TEST_CASE("submissions have a budget that polls cannot touch",
          "[rate_budget][P9]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    arrivals when{std::mt19937_64{seed}};
    rate_budget creates{600}, others{3'000};
    caf::timespan longest{0};
    for (int i = 0; i < 2'000; ++i) {
      const auto now = when.next();
      for (int poll = 0; poll < 40; ++poll)
        others.take(now, 30s);
      if (when.random() % 50 == 0)
        others.throttle(now, 5min);
      if (i % 20 == 0)
        longest = std::max(longest, creates.wait(now));
      if (i % 20 == 0)
        CHECK(creates.take(now, 0s).at);
    }
    CHECK(longest == 0s);
  }
}

TEST_CASE("a throttled budget keeps still as long as asked",
          "[rate_budget][P9]") {
  rate_budget budget{600};
  const time_point now{1h};
  budget.throttle(now, 30s);
  CHECK(budget.left(now) == 0);
  CHECK(budget.throttled_for(now) == 30s);
  CHECK(!budget.take(now, 29s).at);
  // Those who waited start at the steady rate.
  std::vector<time_point> made;
  for (int i = 0; i < 100; ++i)
    made.push_back(*budget.take(now, endless).at);
  CHECK(made.front() == now + 30s);
  CHECK(most_within(made, 1s) <= 10);
  CHECK(budget.throttled_for(now + 30s) == 0s);
}

TEST_CASE("no provider stops all calls for good", "[rate_budget][P9]") {
  const time_point now{1h};
  rate_budget creates{600};
  creates.throttle(now, 24h);
  CHECK(creates.throttled_for(now) == 1h);
  rate_budget others{600, 5min};
  others.throttle(now, 24h);
  CHECK(others.throttled_for(now) == 5min);
  CHECK(others.take(now, 5min).at == now + 5min);
}

TEST_CASE("a throttled budget of unknown length backs off",
          "[rate_budget][P9]") {
  rate_budget budget{600};
  time_point now{1h};
  std::vector<caf::timespan> pauses;
  for (int i = 0; i < 7; ++i) {
    // 64 were under way together: they are one refusal.
    for (int j = 0; j < 64; ++j)
      budget.throttle(now, 0s);
    pauses.push_back(budget.throttled_for(now));
    now += pauses.back();
  }
  CHECK(pauses == std::vector<caf::timespan>{1s, 2s, 4s, 8s, 16s, 30s, 30s});
  budget.relax(now);
  budget.throttle(now, 0s);
  CHECK(budget.throttled_for(now) == 1s);
}

TEST_CASE("a shorter wait does not end a longer one", "[rate_budget]") {
  rate_budget budget{600};
  const time_point now{1h};
  budget.throttle(now, 60s);
  budget.throttle(now + 1s, 5s);
  budget.relax(now + 2s);
  CHECK(budget.throttled_for(now + 2s) == 58s);
}

TEST_CASE("a budget runs low once in a minute", "[rate_budget]") {
  rate_budget budget{100};
  time_point now{1h};
  int warned = 0, used = 0;
  for (; now < time_point{1h + 10min}; now += 100ms)
    if (const auto place = budget.take(now, 0s); place.at) {
      ++used;
      warned += place.runs_low ? 1 : 0;
    }
  CHECK(used > 850);
  CHECK(warned >= 9);
  CHECK(warned <= 10);
  rate_budget idle{100};
  for (int i = 0; i < 500; ++i, now += 1s)
    CHECK(!idle.take(now, 0s).runs_low);
}
