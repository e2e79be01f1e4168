// kill -9 at every named point of the dispatch protocol and at random, while
// the provider runs on as a process of its own.

#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <future>
#include <optional>
#include <random>
#include <thread>

using namespace tunerd::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

std::string settings(const std::string& provider_url, int slots) {
  const auto limit = std::to_string(slots);
  return "background:\n  job_status_polling:\n    interval_seconds: 1\n"
         "  queue_processing:\n    interval_seconds: 1\n"
         "tunerd:\n"
         "  providers:\n    replicate:\n      base_url: "
         + provider_url
         + "/v1\n      visibility_window_seconds: 1\n"
           "  queue:\n    max_concurrent: "
         + limit + "\n    user_max_concurrent: " + limit + "\n";
}

/// What went wrong in one run; empty if nothing.
std::string complaint(const json& stats, size_t jobs) {
  std::string result;
  if (stats.at("submissions") != jobs)
    result += "submitted " + stats.at("submissions").dump() + " of "
              + std::to_string(jobs) + " jobs; ";
  for (const auto& [job, seen] : stats.at("by_job").items())
    if (seen.at("submissions") != 1)
      result += "job " + job + " was submitted " + seen.at("submissions").dump()
                + " times; ";
  return result;
}

/// Lets a daemon die at `fault`, starts another one and waits for the jobs.
/// @returns what went wrong; empty if nothing.
std::string survive(const std::string& fault) {
  constexpr int jobs = 3;
  scratch dir;
  simulator_process simulator{dir, 20, 100};
  const auto yaml = settings(simulator.url, 2);
  std::vector<int> acknowledged;
  bool died = false;
  {
    tunerd_process tunerd{dir, {}, {{"TUNERD_FAULT", fault}}, yaml};
    if (!tunerd.ready())
      return fault + ": not ready; " + tunerd.child.output();
    for (int i = 0; i < jobs; ++i)
      if (!tunerd.submit({{"job", "j" + std::to_string(i)}}).empty())
        acknowledged.push_back(i);
    died = tunerd.child.wait(10s) == 128 + SIGKILL;
  }
  if (!died)
    return fault + ": never reached";
  tunerd_process tunerd{dir, {}, {}, yaml};
  if (!tunerd.ready())
    return fault + ": not ready again; " + tunerd.child.output();
  // What was not acknowledged may or may not be there; all there is completes.
  const auto total = [&tunerd] {
    const auto reply = tunerd.get("/api/cloud/jobs?limit=1");
    return reply.status == 200 ? reply.json().value("total", -1) : -1;
  };
  const auto done = [&] {
    return total() >= static_cast<int>(acknowledged.size())
           && tunerd.count("completed") == total();
  };
  if (!eventually(done))
    return fault + ": jobs did not complete; "
           + tunerd.get("/api/cloud/jobs").body + tunerd.child.output();
  const auto stored = static_cast<size_t>(total());
  if (stored < acknowledged.size())
    return fault + ": lost an acknowledged job";
  auto result = complaint(simulator.stats(), stored);
  return result.empty() ? result : fault + ": " + result;
}

/// Runs `survive` for all points, two at a time.
std::string survive_all(std::vector<std::string> points) {
  std::vector<std::future<std::string>> runs;
  std::string result;
  while (!points.empty() || !runs.empty()) {
    for (; runs.size() < 3 && !points.empty(); points.pop_back())
      runs.push_back(std::async(std::launch::async, survive, points.back()));
    result += runs.front().get();
    runs.erase(runs.begin());
  }
  return result;
}

} // namespace

TEST_CASE("a crash around a commit loses and doubles nothing",
          "[integration][Q2][Q3]") {
  CHECK(
    survive_all({"submit.before_commit=kill@2", "submit.after_commit=kill@2",
                 "claim.before_commit=kill", "claim.after_commit=kill",
                 "record.before_commit=kill", "record.after_commit=kill",
                 "apply.before_commit=kill", "apply.after_commit=kill"})
    == "");
}

TEST_CASE("a crash around a step of the dispatch loses and doubles nothing",
          "[integration][Q2][Q3]") {
  CHECK(
    survive_all({"dispatch.before_claim=kill", "dispatch.after_claim=kill",
                 "dispatch.before_submit=kill", "provider.before_submit=kill",
                 "provider.after_submit=kill", "dispatch.after_submit=kill",
                 "dispatch.before_record=kill", "dispatch.after_record=kill"})
    == "");
}

TEST_CASE("ten crashes at random lose and double nothing",
          "[integration][Q2][Q3]") {
  constexpr int jobs = 50, crashes = 10;
  scratch dir;
  simulator_process simulator{dir, 50, 300};
  const auto yaml = settings(simulator.url, 10);
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  std::optional<tunerd_process> tunerd;
  int submitted = 0;
  for (int crash = 0; crash <= crashes; ++crash) {
    tunerd.emplace(dir, std::vector<std::string>{},
                   std::map<std::string, std::string>{}, yaml);
    REQUIRE(tunerd->ready());
    const int share = crash == crashes ? jobs : submitted + jobs / crashes;
    while (submitted < share && submitted < jobs) {
      // A lost acknowledgement is asked for again under the same key.
      const auto reply
        = tunerd->post("/api/cloud/jobs/submit?provider=replicate",
                       {{"version", "demo/trainer:abc"},
                        {"input", {{"job", "j" + std::to_string(submitted)}}},
                        {"idempotency_key", "k" + std::to_string(submitted)}});
      REQUIRE(reply.status == 200);
      ++submitted;
    }
    if (crash == crashes)
      break;
    std::this_thread::sleep_for(std::chrono::milliseconds{random() % 400});
    tunerd->child.signal(SIGKILL);
    REQUIRE(tunerd->child.wait() == 128 + SIGKILL);
  }
  REQUIRE(eventually([&] { return tunerd->count("completed") == jobs; },
                     std::chrono::seconds{60}));
  CHECK(complaint(simulator.stats(), jobs) == "");
}
