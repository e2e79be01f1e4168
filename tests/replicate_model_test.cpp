#include "actors/replicate_simulator/iso_time.hpp"
#include "actors/replicate_simulator/replicate_model.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace tunerd;
using namespace tunerd::simulated;
using namespace std::chrono_literals;

namespace {

using status = prediction_status;

constexpr timestamp start{std::chrono::hours{24 * 365 * 54}};

/// What the test knows of a prediction without the model's bookkeeping.
struct expected {
  std::string id;
  timestamp created;
  submission what;
  std::optional<timestamp> canceled = {};

  timestamp begins() const {
    return created + what.becomes.queue;
  }
  timestamp ends() const {
    return canceled.value_or(begins() + what.becomes.run);
  }
  status at(timestamp now) const {
    if (now >= ends())
      return canceled ? status::canceled : what.becomes.outcome;
    return now >= begins() ? status::processing : status::starting;
  }
};

/// @returns how many of [from, to) overlap at most, looking up to `now`.
template <class From, class To>
uint64_t most_at_once(const std::vector<expected>& all, timestamp now,
                      const std::string& user, From from, To to) {
  uint64_t most = 0;
  for (const auto& x : all) {
    const auto at = from(x); // A maximum begins where some interval begins.
    if (at > now)
      continue;
    most = std::max<uint64_t>(
      most, static_cast<uint64_t>(
              std::count_if(all.begin(), all.end(), [&](const expected& y) {
                return (user.empty() || y.what.user == user) && from(y) <= at
                       && at < to(y);
              })));
  }
  return most;
}

struct random_life {
  explicit random_life(uint64_t seed) : engine(seed) {
  }

  uint64_t below(uint64_t n) {
    return engine() % n;
  }

  submission any_submission() {
    const auto any_ms = [&] { return std::chrono::milliseconds{below(6)}; };
    return {.version = "o/m:v",
            .input = "{}",
            .becomes
            = {.queue = any_ms(),
               .run = any_ms() + 1ms,
               .outcome = below(2) ? status::succeeded : status::failed},
            .user = below(2) ? "ann" : "bob"};
  }

  void step() {
    switch (below(4)) {
      case 0: create(); break;
      case 1: cancel(); break;
      default: now += std::chrono::milliseconds{below(3)};
    }
  }

  void create() {
    const auto what = any_submission();
    model.note_submission(what);
    const auto* made = model.create(what, now);
    REQUIRE(made);
    all.push_back({made->id, now, what});
  }

  void cancel() {
    if (all.empty())
      return;
    // Off the grid: what is over in the moment it began has no place in an
    // oracle of intervals.
    const auto between = now + 1ns;
    auto& x = all[below(all.size())];
    if (between < x.ends())
      x.canceled = between;
    REQUIRE(model.cancel(x.id, between));
    now += 1ms;
  }

  void check_counts(const std::string& user, const tally& counts) {
    const auto begins = [](const expected& x) { return x.begins(); };
    const auto created = [](const expected& x) { return x.created; };
    const auto ends = [](const expected& x) { return x.ends(); };
    const auto count = [&](auto fits) {
      return static_cast<uint64_t>(
        std::count_if(all.begin(), all.end(), [&](const expected& x) {
          return (user.empty() || x.what.user == user) && fits(x.at(now));
        }));
    };
    CHECK(counts.created == count([](status) { return true; }));
    CHECK(counts.submissions == counts.created);
    CHECK(counts.active == count([](status s) { return !is_over(s); }));
    CHECK(counts.running
          == count([](status s) { return s == status::processing; }));
    CHECK(counts.running_max == most_at_once(all, now, user, begins, ends));
    CHECK(counts.active_max == most_at_once(all, now, user, created, ends));
  }

  void check() {
    for (const auto& x : all) {
      const auto* made = model.find(x.id, now);
      REQUIRE(made);
      CHECK(to_string(made->status) == to_string(x.at(now)));
      if (made->completed_at)
        CHECK(*made->completed_at == x.ends());
      if (made->started_at)
        CHECK(*made->started_at == x.begins());
    }
    check_counts("", model.counts(now).total);
    for (const auto& [user, counts] : model.counts(now).by_user)
      check_counts(user, counts);
  }

  std::mt19937_64 engine;
  timestamp now = start;
  replicate_model model{[this] { return engine(); }};
  std::vector<expected> all;
};

submission plain(const std::string& user = "ann") {
  return {.version = "o/m:v", .input = "{}", .user = user};
}

} // namespace

TEST_CASE("predictions run by the clock and are counted truly",
          "[replicate_simulator]") {
  const auto seed = Catch::rngSeed();
  INFO("seed " << seed);
  for (uint64_t round = 0; round < 100; ++round) {
    random_life life{seed + round};
    for (int step = 0; step < 60; ++step) {
      life.step();
      // Maxima are true however rarely somebody looks.
      if (life.below(8) == 0)
        life.check();
    }
    life.check();
  }
}

TEST_CASE("a status never goes back, not even when time does",
          "[replicate_simulator]") {
  replicate_model model{[] { return uint64_t{1}; }};
  const auto id = model.create(plain(), start)->id;
  CHECK(model.find(id, start + 1s)->status == status::processing);
  CHECK(model.find(id, start)->status == status::processing);
  CHECK(model.find(id, start + 5s)->status == status::succeeded);
  CHECK(model.cancel(id, start + 6s)->status == status::succeeded);
}

TEST_CASE("a run without duration is over at once", "[replicate_simulator]") {
  replicate_model model{[] { return uint64_t{1}; }};
  auto what = plain();
  what.becomes.queue = 0s;
  what.becomes.run = 0s;
  const auto* made = model.create(what, start);
  CHECK(made->status == status::succeeded);
  CHECK(made->started_at == start);
  CHECK(made->completed_at == start);
  CHECK(model.counts(start + 1s).total.active == 0);
  CHECK(model.counts(start + 1s).total.running == 0);
}

TEST_CASE("ids are 26 characters and unique whatever the randomness",
          "[replicate_simulator]") {
  replicate_model model{[] { return uint64_t{0}; }};
  std::set<std::string> ids;
  for (int i = 0; i < 1'000; ++i) {
    const auto& id = *ids.insert(model.create(plain(), start)->id).first;
    CHECK(id.size() == 26);
    CHECK(std::all_of(id.begin(), id.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    }));
  }
  CHECK(ids.size() == 1'000);
}

TEST_CASE("what is over makes room, what is active does not",
          "[replicate_simulator]") {
  replicate_model model{[] { return uint64_t{1}; }, 2};
  const auto first = model.create(plain("a"), start)->id;
  const auto second = model.create(plain("b"), start)->id;
  CHECK(model.create(plain("c"), start) == nullptr);
  model.cancel(second, start);
  REQUIRE(model.create(plain("d"), start));
  CHECK(model.find(first, start));
  CHECK_FALSE(model.find(second, start));
  CHECK(model.counts(start).total.created == 3);
  CHECK(model.counts(start).by_user.size() == 2);
}

TEST_CASE("a time survives being written and read", "[replicate_simulator]") {
  std::mt19937_64 engine{Catch::rngSeed()};
  INFO("seed " << Catch::rngSeed());
  for (int i = 0; i < 5'000; ++i) {
    const timestamp time{
      std::chrono::microseconds{engine() % 8'000'000'000'000'000}};
    REQUIRE(parse_iso_time(iso_time(time)) == time);
  }
  CHECK(iso_time(timestamp{1'705'314'600'123'456'789ns})
        == "2024-01-15T10:30:00.123456Z");
  CHECK(parse_iso_time("2024-01-15T12:30:00+02:00")
        == parse_iso_time("2024-01-15T10:30:00Z"));
  for (const auto* bad : {"", "2024", "2024-01-15", "2024-01-15T10:30:00",
                          "2024-02-30T00:00:00Z", "2024-01-15T10:30:00.Z",
                          "2024-01-15T10:30:00ZZ", "2024-01-15T25:00:00Z",
                          "2024-01-15T10:30:00+2:00", "-024-01-15T10:30:00Z"})
    CHECK_FALSE(parse_iso_time(bad));
}
