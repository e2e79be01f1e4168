// Workers that fail inside a daemon that goes on.

#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

using namespace tunerd::test;
using nlohmann::json;

namespace {

/// Input of a job that the simulator runs fast.
json quick(int n) {
  return {{"n", n}, {"simulate", {{"queue_ms", 10}, {"run_ms", 50}}}};
}

/// @returns the list of workers; empty if it cannot be had.
json workers(const tunerd_process& tunerd) {
  const auto reply = tunerd.get("/api/tunerd/workers");
  return reply.status == 200 ? reply.json().at("workers") : json::array();
}

json worker(const tunerd_process& tunerd, const std::string& name) {
  for (const auto& entry : workers(tunerd))
    if (entry.at("name") == name)
      return entry;
  return {};
}

int restarts_in_all(const tunerd_process& tunerd) {
  int result = 0;
  for (const auto& entry : workers(tunerd))
    result += entry.at("restarts").get<int>();
  return result;
}

} // namespace

TEST_CASE("a worker that throws restarts alone and loses nothing",
          "[integration][L6]") {
  scratch dir;
  tunerd_process tunerd{dir,
                        {"--simulate"},
                        {{"TUNERD_FAULT", "queue_scheduler.tick=throw@2"},
                         {"SIMPLETUNER_JOB_POLL_INTERVAL", "1"}},
                        "background:\n  queue_processing:\n"
                        "    interval_seconds: 1\n"};
  REQUIRE(tunerd.ready());
  REQUIRE(!tunerd.submit(quick(1)).empty());
  REQUIRE(eventually([&] {
    const auto w = worker(tunerd, "queue_scheduler");
    return w.is_object() && w.at("restarts") == 1 && w.at("state") == "running";
  }));
  CHECK(worker(tunerd, "queue_scheduler")
          .at("last_error")
          .dump()
          .find("fault point")
        != std::string::npos);
  CHECK(restarts_in_all(tunerd) == 1);
  REQUIRE(!tunerd.submit(quick(2)).empty());
  CHECK(eventually([&] { return tunerd.count("completed") == 2; }));
}

TEST_CASE("requests get 503 while the store restarts", "[integration]") {
  scratch dir;
  tunerd_process tunerd{
    dir, {"--simulate"}, {{"TUNERD_FAULT", "submit.before_commit=throw@2"}}};
  REQUIRE(tunerd.ready());
  const auto first = tunerd.submit(quick(1));
  REQUIRE(!first.empty());
  const auto reply = tunerd.post("/api/cloud/jobs/submit?provider=replicate",
                                 {{"version", "v"}, {"input", {{"n", 2}}}});
  CHECK(reply.status == 503);
  CHECK(reply.json().contains("error"));
  REQUIRE(eventually([&] { return !tunerd.submit(quick(3)).empty(); }));
  CHECK(tunerd.get("/api/cloud/jobs/" + first).status == 200);
  CHECK(tunerd.get("/api/cloud/jobs").json().at("total") == 2);
}

TEST_CASE("a COMMIT that fails loses nothing acknowledged", "[integration]") {
  scratch dir;
  tunerd_process tunerd{dir,
                        {"--simulate"},
                        {{"TUNERD_FAULT", "store.commit=throw@4"},
                         {"SIMPLETUNER_JOB_POLL_INTERVAL", "1"}}};
  REQUIRE(tunerd.ready());
  int accepted = 0;
  for (int i = 0; i < 5; ++i)
    accepted += tunerd.submit(quick(i)).empty() ? 0 : 1;
  CHECK(tunerd.get("/api/cloud/jobs").json().at("total") == accepted);
  CHECK(eventually([&] { return tunerd.count("completed") == accepted; }));
  CHECK(restarts_in_all(tunerd) == 0);
}
