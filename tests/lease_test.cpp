#include "tests/lease_world.hpp"

#include <catch2/catch.hpp>

using namespace tunerd;
using namespace std::chrono_literals;
using test::lease_world;

namespace {

const lease_row free_row{"", 4, 9};
const lease_row foreign{"b", 4, 9};

/// A node whose first look shows `row`, 1 s after the beginning of time.
lease looking_at(const lease_row& row) {
  lease result{"a", {}};
  CHECK(result.next(1s) == lease_wish::look);
  result.answered(1s, row, false);
  return result;
}

/// A node that took the lease at 1 s.
lease leading() {
  auto result = looking_at(free_row);
  CHECK(result.next(1s) == lease_wish::take);
  result.answered(1s, {"a", 5, 10}, true);
  return result;
}

} // namespace

TEST_CASE("a lease that nobody has is taken at once", "[lease]") {
  const auto x = leading();
  CHECK(x.epoch() == 5);
  CHECK(x.holds(1s));
  CHECK(x.trusted_until() == 3500ms);
  CHECK(x.due() == 2s); // a renewal
}

TEST_CASE("a lease of another node is taken when it stood still for its length",
          "[lease]") {
  auto x = looking_at(foreign);
  CHECK(x.due() == 1500ms);
  CHECK(x.next(1500ms) == lease_wish::look);
  x.answered(1600ms, {"b", 4, 10}, false); // renewed
  CHECK(x.next(4500ms) == lease_wish::look);
  x.answered(4500ms, {"b", 4, 10}, false);
  CHECK(x.due() == 4600ms);
  CHECK(x.next(4600ms) == lease_wish::take);
  x.answered(4700ms, {"b", 4, 11}, false); // it came before us
  CHECK(!x.holds(4700ms));
}

TEST_CASE("trust begins when a renewal is asked for", "[lease]") {
  auto x = leading();
  CHECK(x.next(2s) == lease_wish::renew);
  CHECK(!x.next(3s)); // one question at a time
  x.answered(3s, {"a", 5, 11}, true);
  CHECK(x.trusted_until() == 4500ms);
  CHECK(x.holds(4499ms));
  CHECK(!x.holds(4500ms));
}

TEST_CASE("an answer that comes after the trust is over revives nothing",
          "[lease]") {
  auto x = leading();
  CHECK(x.next(2s) == lease_wish::renew);
  CHECK(x.due() == 3500ms); // to step down
  x.answered(3500ms, {"a", 5, 11}, true);
  CHECK(!x.holds(3500ms));
  CHECK(x.next(3500ms) == lease_wish::take); // anew
  x.answered(3600ms, {"a", 6, 12}, true);
  CHECK(x.epoch() == 6);
  CHECK(x.holds(3600ms));
}

TEST_CASE("a node that was frozen for long knows it at once", "[lease]") {
  auto x = leading();
  CHECK(!x.holds(20s));
  CHECK(x.next(20s) == lease_wish::take); // only from a row that is its own
}

TEST_CASE("a question that failed is asked again, while there is trust",
          "[lease]") {
  auto x = leading();
  CHECK(x.next(2s) == lease_wish::renew);
  x.failed(2100ms);
  CHECK(x.holds(2100ms));
  CHECK(x.due() == 2600ms);
  CHECK(x.next(2600ms) == lease_wish::renew);
}

TEST_CASE("a refused transaction ends the trust in its epoch", "[lease]") {
  auto x = leading();
  x.refused(4);
  CHECK(x.holds(1s));
  x.refused(5);
  CHECK(!x.holds(1s));
}

TEST_CASE("a node that gives its lease back asks for none", "[lease]") {
  auto x = leading();
  CHECK(x.give_back());
  CHECK(!x.holds(1s));
  CHECK(!x.due());
  CHECK(!x.next(1h));
  CHECK(!looking_at(foreign).give_back());
}

TEST_CASE("two nodes never trust their lease at once", "[lease]") {
  const auto first = 20261122u;
  size_t writes = 0;
  size_t refused = 0;
  int64_t epochs = 0;
  for (auto seed = first; seed < first + 2'000; ++seed) {
    INFO("seed " << seed);
    lease_world world{seed, 2 + seed % 4};
    world.run(60s, true);
    REQUIRE(world.worst <= 1);
    REQUIRE(!world.stale_write);
    writes += world.writes;
    refused += world.refused;
    epochs += world.row.epoch;
  }
  // It was not because nobody dared.
  CHECK(epochs > 2 * 2'000);
  CHECK(writes > 2'000);
  CHECK(refused > 100);
}

TEST_CASE("somebody leads soon after the trouble is over", "[lease]") {
  for (auto seed = 1u; seed <= 500; ++seed) {
    INFO("seed " << seed);
    lease_world world{seed, 3};
    world.run(20s, true);
    world.run(30s, false); // all are back, nothing is on its way
    REQUIRE(world.leaders() == 1);
    const auto epoch = world.row.epoch;
    world.run(60s, false);
    REQUIRE(world.row.epoch == epoch); // and it stays
    REQUIRE(world.crash_leader(1h));
    world.run(3s + 2s, false);
    REQUIRE(world.leaders() == 1);
    world.stop_leader(1h);
    world.run(1s, false);
    REQUIRE(world.leaders() == 1);
  }
}
