#include "actors/provider_gateway/warm_up.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

const std::string api = "https://api.example:443";

} // namespace

TEST_CASE("one call finds the way, then all go", "[http_client]") {
  warm_up hosts{295s};
  CHECK(hosts.may_start(api, 1s));
  CHECK(hosts.start(api, 1s));
  CHECK(!hosts.may_start(api, 2s));
  CHECK(hosts.may_start("https://other.example:443", 2s));
  hosts.reached(api, true, 3s);
  for (int i = 0; i < 100; ++i) {
    CHECK(hosts.may_start(api, 4s));
    CHECK(!hosts.start(api, 4s));
  }
}

TEST_CASE("a name that is not known any more is asked for once again",
          "[http_client]") {
  warm_up hosts{295s};
  hosts.start(api, 0s);
  hosts.reached(api, true, 5s);
  CHECK(!hosts.start(api, 299s));
  CHECK(hosts.start(api, 300s));
  CHECK(!hosts.may_start(api, 300s));
}

TEST_CASE("who went first and failed lets the next one try", "[http_client]") {
  warm_up hosts{295s};
  CHECK(hosts.start(api, 0s));
  hosts.reached(api, false, 10s);
  CHECK(hosts.may_start(api, 10s));
  CHECK(hosts.start(api, 10s));
  CHECK(!hosts.may_start(api, 10s));
}

TEST_CASE("nobody waits for an address in digits", "[http_client]") {
  warm_up hosts{295s};
  for (const auto* origin :
       {"http://127.0.0.1:8771", "https://[::1]:443", ""}) {
    CHECK(!hosts.start(origin, 0s));
    CHECK(hosts.may_start(origin, 0s));
  }
}

TEST_CASE("at most one call per unknown name is under way, and none hangs",
          "[http_client]") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random{seed};
    warm_up hosts{20s};
    const std::vector<std::string> origins{"http://a:80", "http://b:80",
                                           "https://c:443"};
    std::map<std::string, int> first;
    for (caf::timespan now{0}; now < 200s; now += 500ms) {
      const auto& origin = origins[random() % 3];
      if (hosts.may_start(origin, now)) {
        if (hosts.start(origin, now))
          REQUIRE(++first[origin] == 1);
      } else {
        REQUIRE(first[origin] == 1);
      }
      if (first[origin] > 0 && random() % 4 == 0) {
        first[origin] = 0;
        hosts.reached(origin, random() % 2 == 0, now);
      }
    }
  }
}
