#include "runtime/logging.hpp"

#include "tests/log_capture.hpp"

#include <catch2/catch.hpp>

#include <thread>

using namespace tunerd;
using test::log_capture;

TEST_CASE("a level set for a name holds for the names below it", "[logging]") {
  log_capture log;
  const auto jobs = get_logger("simpletuner.cloud.jobs");
  const auto other = get_logger("simpletuner.cloudy");
  const auto root = get_logger("other");
  REQUIRE(set_log_level("", "warning"));
  REQUIRE(set_log_level("simpletuner.cloud", "DEBUG"));
  REQUIRE(set_log_level("simpletuner.cloud.queue", "ERROR"));
  CHECK(!set_log_level("simpletuner", "LOUD"));
  CHECK(jobs.enabled(log_level::debug));
  CHECK(get_logger("simpletuner.cloud").enabled(log_level::debug));
  CHECK(get_logger("simpletuner.cloud.jobs.a.b").enabled(log_level::debug));
  CHECK(!get_logger("simpletuner.cloud.queue.x").enabled(log_level::warning));
  CHECK(get_logger("simpletuner.cloud.queue.x").enabled(log_level::error));
  CHECK(!other.enabled(log_level::info));
  CHECK(!root.enabled(log_level::info));
  CHECK(root.enabled(log_level::warning));
  jobs.debug("seen");
  other.debug("not seen");
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines()[0].logger == "simpletuner.cloud.jobs");
}

TEST_CASE("a correlation id is made when asked for and kept", "[logging][L3]") {
  clear_correlation_id();
  const auto made = get_correlation_id();
  CHECK(made.size() == 12);
  CHECK(made.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(get_correlation_id() == made);
  CHECK(set_correlation_id("request-abc-123") == "request-abc-123");
  CHECK(get_correlation_id() == "request-abc-123");
  for (const auto& bad : {std::string{}, std::string{"a b"}, std::string{"a\n"},
                          std::string(129, 'a'), std::string{"\xc3\xa4"}}) {
    const auto replaced = set_correlation_id(bad);
    CHECK(replaced.size() == 12);
    CHECK(get_correlation_id() == replaced);
  }
  CHECK(set_correlation_id(std::string(128, 'a')).size() == 128);
  clear_correlation_id();
  CHECK(current_context().correlation_id.empty());
}

TEST_CASE("a scope gives the correlation id back at its end", "[logging][L1]") {
  log_capture log;
  const auto logger = get_logger("simpletuner.cloud.jobs");
  set_correlation_id("outer");
  {
    log_context scope{{"job_id", "j1"}};
    logger.info("a");
    set_correlation_id("inner");
    logger.info("b");
  }
  logger.info("c");
  clear_correlation_id();
  REQUIRE(log.lines().size() == 3);
  CHECK(log.lines()[0].correlation_id == "outer");
  CHECK(log.lines()[1].correlation_id == "inner");
  CHECK(log.lines()[1].extra.at("job_id") == "j1");
  CHECK(log.lines()[2].correlation_id == "outer");
  CHECK(log.lines()[2].extra.empty());
}

TEST_CASE("a captured context can be put in force on another thread",
          "[logging][L1]") {
  log_capture log;
  const auto logger = get_logger("simpletuner.cloud.jobs");
  const auto captured = [] {
    log_context scope{context{"corr-9", {{"job_id", "j9"}}}};
    return capture_context();
  }();
  std::thread{[&] {
    set_correlation_id("of-the-thread");
    {
      auto scope = captured.restore();
      log_context inner{{"step", "upload"}};
      logger.info("inside");
    }
    logger.info("outside");
  }}.join();
  REQUIRE(log.lines().size() == 2);
  CHECK(log.lines()[0].correlation_id == "corr-9");
  CHECK(log.lines()[0].extra.at("job_id") == "j9");
  CHECK(log.lines()[0].extra.at("step") == "upload");
  CHECK(log.lines()[1].correlation_id == "of-the-thread");
  CHECK(log.lines()[1].extra.empty());
}

TEST_CASE("a secret is never written", "[logging][W4]") {
  log_capture log;
  const auto logger = get_logger("simpletuner.cloud.http");
  const secret token{"stk_abc"};
  logger.info("Using {}", token);
  logger.info("Using it", {{"credential", to_log_value(token)}});
  CHECK(token.reveal() == "stk_abc");
  CHECK(log.lines()[0].message == "Using ***");
  CHECK(log.lines()[1].extra.at("credential") == "***");
  CHECK(log.messages().find("stk_abc") == std::string::npos);
}
