// SIGHUP: what changes without a restart, and what a bad file does.

#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>

using namespace tunerd::test;
using nlohmann::json;

namespace {

// SHA-256 of "stk_one" and "stk_two".
const std::string one
  = "c8b350521df3543d30b295ed35dd12db5389e1a71d103a0073971a90293750cd";
const std::string two
  = "c28ea04affc9984f45b3bb7a828ae96f2eaea097e143200b78bc6e7d066d6670";

std::string file_with(const std::string& sha256, const std::string& level,
                      int limit) {
  return "tunerd:\n  auth:\n    tokens:\n      - {name: me, level: " + level
         + ", sha256: \"" + sha256
         + "\"}\n  queue: {max_concurrent: " + std::to_string(limit) + "}\n";
}

answer as(const tunerd_process& tunerd, const std::string& token,
          const std::string& method, const std::string& path,
          const std::string& body = {}) {
  return call(method, tunerd.url + path, body,
              {"Authorization: Bearer " + token});
}

void rewrite(const scratch& dir, const std::string& text) {
  std::ofstream{dir.path + "/config.yaml", std::ios::trunc} << text;
}

bool has_line(const process& child, const std::string& message) {
  for (const auto& line : child.log_lines())
    if (line.value("message", "").find(message) != std::string::npos)
      return true;
  return false;
}

} // namespace

TEST_CASE("SIGHUP reloads tokens, levels and limits", "[integration][W4]") {
  scratch dir;
  tunerd_process tunerd{dir, {"--simulate"}, {}, file_with(one, "viewer", 3)};
  REQUIRE(tunerd.ready());
  const std::string limits = "/api/queue/concurrency";
  CHECK(tunerd.get(limits).status == 401);
  CHECK(as(tunerd, "stk_two", "GET", limits).status == 401);
  CHECK(as(tunerd, "stk_one", "GET", limits).json()["max_concurrent"] == 3);
  CHECK(as(tunerd, "stk_one", "POST", limits, "{}").status == 403);

  rewrite(dir, file_with(two, "admin", 7));
  tunerd.child.signal(SIGHUP);
  REQUIRE(
    eventually([&] { return has_line(tunerd.child, "Settings reloaded"); }));
  CHECK(as(tunerd, "stk_one", "GET", limits).status == 401);
  CHECK(as(tunerd, "stk_two", "GET", limits).json()["max_concurrent"] == 7);
  CHECK(as(tunerd, "stk_two", "POST", limits, R"({"max_concurrent": 9})").status
        == 200);

  SECTION("a bad file keeps what was in force and says why") {
    rewrite(dir, "tunerd: {queue: {max_concurrent: many}}\n");
    tunerd.child.signal(SIGHUP);
    REQUIRE(
      eventually([&] { return has_line(tunerd.child, "the old ones stay"); }));
    CHECK(has_line(tunerd.child, "tunerd.queue.max_concurrent"));
    CHECK(as(tunerd, "stk_two", "GET", limits).status == 200);
    CHECK(as(tunerd, "stk_one", "GET", limits).status == 401);
  }
  SECTION("a limit set over the API wins over the file") {
    rewrite(dir, file_with(two, "admin", 4));
    tunerd.child.signal(SIGHUP);
    CHECK(eventually([&] {
      const auto lines = tunerd.child.output();
      const std::string text = "Settings reloaded";
      return lines.find(text) != lines.rfind(text);
    }));
    CHECK(as(tunerd, "stk_two", "GET", limits).json()["max_concurrent"] == 9);
  }
  SECTION("what takes a restart is named") {
    rewrite(dir,
            file_with(two, "admin", 4) + "  storage: {url: sqlite:b.db}\n");
    tunerd.child.signal(SIGHUP);
    CHECK(eventually([&] {
      return has_line(tunerd.child, "tunerd.storage.url is now 'sqlite:b.db'");
    }));
  }
}

TEST_CASE("no token is ever written down", "[integration][W4]") {
  scratch dir;
  tunerd_process tunerd{dir, {"--simulate"}, {}, file_with(one, "admin", 3)};
  REQUIRE(tunerd.ready());
  CHECK(as(tunerd, "stk_one", "GET", "/api/queue").status == 200);
  CHECK(as(tunerd, "stk_wrong", "GET", "/api/queue").status == 401);
  CHECK(as(tunerd, "stk_one", "POST", "/api/cloud/jobs/submit",
           R"({"input": {"steps": 1}})")
          .status
        == 200);
  tunerd.child.signal(SIGTERM);
  REQUIRE(tunerd.child.wait() == 0);
  CHECK(tunerd.child.output().find("stk_") == std::string::npos);
  CHECK(tunerd.child.output().find(one) == std::string::npos);
}
