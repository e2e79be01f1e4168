// The daemon inside another program.

#include "runtime/daemon.hpp"

#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using tunerd::daemon_options;
using namespace tunerd::test;

namespace {

daemon_options options_in(const scratch& dir) {
  daemon_options result;
  result.settings = {{"tunerd.http.listen", "127.0.0.1:0"},
                     {"tunerd.storage.state_dir", dir.path},
                     {"tunerd.logging.level", "CRITICAL"}};
  result.simulate = true;
  return result;
}

size_t count_in(const std::string& folder) {
  size_t result = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator{folder})
    ++result;
  return result;
}

size_t resident_kilobytes() {
  std::ifstream in{"/proc/self/status"};
  for (std::string line; std::getline(in, line);)
    if (line.rfind("VmRSS:", 0) == 0)
      return std::stoul(line.substr(6));
  return 0;
}

} // namespace

TEST_CASE("an embedded daemon runs a job", "[integration]") {
  scratch dir;
  tunerd::daemon aut{options_in(dir)};
  CHECK(aut.url().empty());
  aut.start();
  aut.start(); // warns, changes nothing
  REQUIRE(call("GET", aut.url() + "/health/ready").status == 200);
  const auto reply
    = call("POST", aut.url() + "/api/cloud/jobs/submit?provider=replicate",
           R"({"input": {"steps": 1}})");
  CHECK(reply.status == 200);
  CHECK(aut.stop());
  CHECK(aut.stop());
  CHECK(aut.url().empty());
  aut.start();
  CHECK(call("GET", aut.url() + "/api/cloud/jobs").json().at("total") == 1);
}

TEST_CASE("a bad setting is a clear exception", "[integration]") {
  daemon_options options;
  options.settings = {{"tunerd.queue.max_concurrent", "many"}};
  CHECK_THROWS_WITH(tunerd::daemon{options},
                    Catch::Contains("tunerd.queue.max_concurrent"));
}

TEST_CASE("a daemon can be started and stopped a thousand times",
          "[integration][L6]") {
  scratch dir;
  auto options = options_in(dir);
  options.simulate = false;
  tunerd::daemon aut{options};
  size_t threads = 0, descriptors = 0, memory = 0;
  for (int i = 0; i < 1000; ++i) {
    aut.start();
    REQUIRE(aut.stop());
    if (i == 500) {
      threads = count_in("/proc/self/task");
      descriptors = count_in("/proc/self/fd");
      memory = resident_kilobytes();
    }
  }
  CHECK(count_in("/proc/self/task") <= threads);
  CHECK(count_in("/proc/self/fd") <= descriptors);
  // Allocators and sanitizers keep some (about 36 MiB); what a cycle leaks
  // shows 500 times. LeakSanitizer looks at the rest when the process ends.
  CHECK(resident_kilobytes() < memory + 64 * 1024);
}
