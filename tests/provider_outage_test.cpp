#include "tests/provider_fixture.hpp"

using namespace tunerd;
using namespace std::chrono_literals;
using test::answered;
using test::corr;
using test::running;

namespace {

/// Somebody asks about 200 jobs every 30 s.
struct outage_fixture : test::provider_fixture {
  outage_fixture()
    : provider_fixture([](auto& x) {
        x.replicate.creates_per_minute = 600;
        x.replicate.requests_per_minute = 3'000;
      }) {
  }

  void poll_for(caf::timespan time) {
    for (caf::timespan t{0}; t < time; t += 30s) {
      for (int i = 0; i < 200; ++i)
        caf::anon_send(aut, query());
      advance(30s, 1s);
    }
  }

  /// @returns the most calls of any second.
  size_t busiest() const {
    size_t result = 0;
    for (size_t i = 0; i < asked_at.size(); ++i) {
      size_t n = 0;
      while (i + n < asked_at.size() && asked_at[i + n] - asked_at[i] < 1s)
        ++n;
      result = std::max(result, n);
    }
    return result;
  }

  breaker_phase phase() {
    return ask<breaker_list>(aut, get_breakers{corr}).breakers.at(0).phase;
  }
};

} // namespace

TEST_CASE_METHOD(outage_fixture, "an hour's outage costs few calls",
                 "[provider_outage][P3]") {
  always = answered(503);
  poll_for(1h);
  // 200 were on their way when it began; then three probes a minute.
  CHECK(requests.size() <= 200 + 60 * 3);
  CHECK(requests.size() >= 200 + 50);
  CHECK(phase() != breaker_phase::closed);
  // It ends, and nobody storms in.
  requests.clear();
  asked_at.clear();
  always = answered(200, running);
  poll_for(2min);
  CHECK(phase() == breaker_phase::closed);
  CHECK(requests.size() >= 200);
  CHECK(requests.size() <= 4 * 200);
  CHECK(busiest() <= 300);
}

TEST_CASE_METHOD(outage_fixture, "no more than three calls find out",
                 "[provider_outage]") {
  always = answered(503);
  poll_for(30s);
  advance(1min, 1s);
  always.reset(); // from now on nobody answers
  requests.clear();
  for (int i = 0; i < 100; ++i)
    caf::anon_send(aut, query());
  settle();
  CHECK(requests.size() == 3);
  answer_hanging(200, running);
  settle();
  CHECK(phase() == breaker_phase::closed);
}
