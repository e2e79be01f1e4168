#include "actors/support/log.hpp"

#include "tests/log_capture.hpp"

#include <catch2/catch.hpp>

using namespace tunerd;

TEST_CASE("a captured line shows what was logged", "[log]") {
  test::log_capture log;
  constexpr logger jobs{"simpletuner.cloud.jobs"};
  log_context scope{context{"corr-1", {{"job_id", "j1"}}}};
  jobs.info("Dispatching job {} to {}", "j1", std::string{"replicate"});
  REQUIRE(log.lines().size() == 1);
  CHECK(log.contains("INFO", "Dispatching job j1 to replicate"));
  CHECK(log.with("job_id", "j1").size() == 1);
  CHECK(log.with_correlation_id("corr-1").size() == 1);
}
