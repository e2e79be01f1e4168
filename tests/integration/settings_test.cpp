// What is set over the API, after a restart.

#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

#include <csignal>

using namespace tunerd::test;
using nlohmann::json;

TEST_CASE("limits, polling, rules and providers outlive a restart",
          "[integration][Q9]") {
  scratch dir;
  int64_t rule = 0;
  {
    tunerd_process tunerd{dir, {"--simulate"}};
    REQUIRE(tunerd.ready());
    REQUIRE(
      tunerd.post("/api/queue/concurrency", {{"max_concurrent", 17}}).status
      == 200);
    REQUIRE(call("PUT", tunerd.url + "/api/cloud/polling/setting",
                 R"({"enabled": false})")
              .status
            == 200);
    const auto reply = tunerd.post(
      "/api/approvals/rules",
      {{"name", "first"}, {"condition", "first_job"}, {"threshold", ""}});
    INFO(reply.body);
    REQUIRE(reply.status == 200);
    rule = reply.json()["id"].get<int64_t>();
    const auto config
      = call("PUT", tunerd.url + "/api/cloud/providers/replicate/config",
             R"({"hardware_profile": "l40s", "max_runtime_minutes": 45})");
    INFO(config.body);
    REQUIRE(config.status == 200);
    CHECK(tunerd.get("/api/cloud/polling/status").json()["is_active"] == false);
    tunerd.child.signal(SIGKILL);
    tunerd.child.wait();
  }
  tunerd_process tunerd{dir, {"--simulate"}};
  REQUIRE(tunerd.ready());
  CHECK(tunerd.get("/api/queue/concurrency").json()["max_concurrent"] == 17);
  const auto polling = tunerd.get("/api/cloud/polling/status").json();
  CHECK(polling["is_active"] == false);
  CHECK(polling["source"] == "setting");
  const auto path = "/api/approvals/rules/" + std::to_string(rule);
  CHECK(tunerd.get(path).json()["name"] == "first");
  const auto provider
    = tunerd.get("/api/cloud/providers/replicate/config").json();
  CHECK(provider["config"]["hardware_profile"] == "l40s");
  CHECK(provider["config"]["max_runtime_minutes"] == 45);
}
