// The examples of "Structured Logging and Background Tasks" in C++: a program
// that logs and calls and never starts the daemon. Its lines are what
// logging_example_test.cpp expects of it.

#include "runtime/client.hpp"
#include "runtime/logging.hpp"

#include <stdexcept>
#include <string>
#include <thread>

namespace {

/// "LogContext for Field Injection"
void process_job(const std::string& job_id, const std::string& provider) {
  const auto logger = tunerd::get_logger("simpletuner.cloud.jobs");
  // All lines within this block have job_id and provider.
  tunerd::log_context job{{"job_id", job_id}, {"provider", provider}};
  logger.info("Starting job processing");
  {
    tunerd::log_context step{{"step", "validation"}};
    logger.info("Validating configuration");
  }
  {
    tunerd::log_context step{{"step", "submission"}, {"provider", "other"}};
    logger.info("Submitting to provider", {{"attempt", 1}, {"cost", 2.5}});
  }
  logger.info("Job processing complete");
}

/// Leaves its scope by an exception.
void fail() {
  tunerd::log_context scope{{"step", "upload"}};
  throw std::runtime_error{"disk full"};
}

/// "Manual correlation ID management"
void manage_ids() {
  const auto logger = tunerd::get_logger("simpletuner.cloud.http");
  const auto made = tunerd::get_correlation_id(); // made, there was none
  logger.info("Made", {{"id", std::string_view{made}}});
  tunerd::set_correlation_id("request-abc-123");
  logger.info("Set");
  tunerd::set_correlation_id("not valid\n"); // replaced by a new one
  logger.info("Replaced");
  tunerd::clear_correlation_id();
}

/// A thread, or a callback, that goes on with the work of another.
void change_threads() {
  const auto logger = tunerd::get_logger("simpletuner.cloud.jobs");
  tunerd::set_correlation_id("hop-1");
  tunerd::log_context scope{{"job_id", "hop"}};
  std::thread{[&logger, work = tunerd::capture_context()] {
    logger.info("On a thread of its own");
    const auto restored = work.restore();
    logger.info("On another thread");
  }}.join();
}

/// "Correlation ID in HTTP clients"
void make_call(const std::string& url) {
  tunerd::log_context work{tunerd::context{"call-1"}};
  const auto client = tunerd::get_client();
  const auto response = client.get(url);
  // The request had X-Correlation-ID: call-1
  tunerd::get_logger("simpletuner.cloud.providers")
    .info("Answered", {{"status", response.status},
                       {"body", std::string_view{response.body}}});
}

} // namespace

/// @param url Answers a GET.
int main(int argc, char** argv) {
  if (argc != 2)
    return 2;
  tunerd::init_from_env();
  const auto logger = tunerd::get_logger("simpletuner.cloud.jobs");
  tunerd::set_correlation_id("abc123");
  process_job("xyz789", "replicate");
  try {
    fail();
  } catch (const std::exception& e) {
    logger.error("Error in job polling: {}", e);
  }
  tunerd::clear_correlation_id();
  manage_ids();
  change_threads();
  tunerd::clear_correlation_id();
  make_call(argv[1]);
  tunerd::set_log_level("simpletuner.cloud", "ERROR");
  tunerd::set_log_level("simpletuner.cloud.queue", "DEBUG");
  logger.warning("Not written");
  tunerd::get_logger("simpletuner.cloud.queue.lanes").debug("Below its level");
  tunerd::get_logger("other").info("Elsewhere");
  tunerd::configure_structured_logging(
    {.level = "WARNING", .include_stack_info = true});
  logger.error("With a stack: {}", std::runtime_error{"disk full"});
  tunerd::set_log_level("simpletuner.cloud", "INFO");
  tunerd::configure_structured_logging({.level = "loud", .json_output = false});
  tunerd::set_correlation_id("text-1");
  tunerd::get_logger("other").info("As text\nwith a line break");
}
