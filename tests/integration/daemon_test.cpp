// The daemon inside another program.

#include "runtime/background_tasks.hpp"

#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
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
  // The kernel lists a thread for a moment after it has been joined.
  CHECK(eventually([&] { return count_in("/proc/self/task") <= threads; }));
  CHECK(count_in("/proc/self/fd") <= descriptors);
  // Allocators and sanitizers keep some (about 36 MiB); what a cycle leaks
  // shows 500 times. LeakSanitizer looks at the rest when the process ends.
  CHECK(resident_kilobytes() < memory + 64 * 1024);
}

TEST_CASE("a reload never opens a daemon that others can reach",
          "[integration][W4]") {
  scratch dir;
  auto options = options_in(dir);
  options.settings.erase("tunerd.http.listen");
  options.yaml = "tunerd:\n  http: {listen: '0.0.0.0:0'}\n  auth:\n"
                 "    tokens: [{name: me, level: viewer, sha256: '"
                 + std::string(64, 'a') + "'}]\n";
  tunerd::daemon aut{options};
  aut.start();
  auto url = aut.url();
  url.replace(url.find("0.0.0.0"), 7, "127.0.0.1");
  REQUIRE(call("GET", url + "/api/queue").status == 401);
  CHECK(aut.reload("").find("tunerd.auth.tokens") != std::string::npos);
  CHECK(call("GET", url + "/api/queue").status == 401);
}

TEST_CASE("the documented functions run one daemon per process",
          "[integration]") {
  scratch dir;
  CHECK(!tunerd::get_task_manager());
  CHECK_THROWS(tunerd::refresh_polling_state());
  CHECK(tunerd::stop_background_tasks());
  auto options = options_in(dir);
  options.settings["background.job_status_polling.interval_seconds"] = "7";
  tunerd::start_background_tasks(options);
  tunerd::start_background_tasks(options); // warns, changes nothing
  const auto tasks = tunerd::get_task_manager();
  REQUIRE(tasks);
  const auto workers = tasks->workers();
  CHECK(workers.size() >= 10);
  for (const auto& x : workers)
    CHECK(x.state == "running");
  const auto polling = tunerd::refresh_polling_state();
  CHECK(polling.is_active);
  CHECK(polling.interval == std::chrono::seconds{7});
  CHECK(polling.source == "auto");
  REQUIRE(call("PUT", tasks->url() + "/api/cloud/polling/setting",
               R"({"enabled": false})")
            .status
          == 200);
  CHECK(!tasks->polling_state().is_active);
  CHECK(tunerd::stop_background_tasks());
  CHECK(!tunerd::get_task_manager());
}

TEST_CASE("the documented configuration can be read", "[integration][P11]") {
  scratch dir;
  std::ofstream{dir.path + "/e.yaml"}
    << "background:\n  job_status_polling:\n    enabled: true\n"
       "    interval_seconds: 42\n";
  ::setenv("SIMPLETUNER_ENTERPRISE_CONFIG", (dir.path + "/e.yaml").c_str(), 1);
  const auto x = tunerd::get_enterprise_config();
  CHECK(x.job_polling_enabled);
  CHECK(x.job_polling_interval == std::chrono::seconds{42});
  ::unsetenv("SIMPLETUNER_ENTERPRISE_CONFIG");
}
