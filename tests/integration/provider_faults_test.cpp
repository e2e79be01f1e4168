// The daemon against a provider that fails in every way the simulator knows.

#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace tunerd::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// One daemon, one provider, and jobs that tell which one they are.
struct faulty_world {
  /// @param script Of the simulator, see docs/SIMULATOR.md.
  /// @param polls Whether the daemon asks by itself.
  explicit faulty_world(const std::string& script, bool polls = true,
                        int queue_ms = 50, int run_ms = 300)
    : simulator(dir, queue_ms, run_ms),
      tunerd(dir, {}, {}, settings(simulator.url, polls)) {
    tell(script);
    REQUIRE(tunerd.ready());
  }

  static std::string settings(const std::string& provider, bool polls) {
    return "background:\n  job_status_polling:\n    enabled: "
           + std::string{polls ? "true" : "false"}
           + "\n    interval_seconds: 1\n"
             "  queue_processing:\n    interval_seconds: 1\n"
             "tunerd:\n  providers:\n    replicate:\n      base_url: "
           + provider
           + "/v1\n      visibility_window_seconds: 2\n"
             "  queue:\n    max_concurrent: 10\n    user_max_concurrent: 10\n";
  }

  void tell(const std::string& script) const {
    REQUIRE(call("POST", simulator.url + "/simulator/faults", script).status
            == 200);
  }

  /// Submits jobs, with webhooks if nothing else tells how they are.
  void submit(int count, bool hooked = false,
              const std::string& version = "demo/trainer:abc123") {
    for (int i = 0; i < count; ++i) {
      json body{{"version", version},
                {"input", {{"job", "j" + std::to_string(jobs++)}}}};
      if (hooked)
        body["webhook_url"] = tunerd.url;
      const auto reply
        = tunerd.post("/api/cloud/jobs/submit?provider=replicate", body);
      INFO(reply.body);
      REQUIRE(reply.status == 200);
      REQUIRE(reply.json().at("success") == true);
    }
  }

  /// @returns what is wrong once all jobs had their time; empty if nothing.
  std::string complaint(uint64_t tries_each = 1) {
    const auto done = [this] { return tunerd.count("completed") == jobs; };
    if (!eventually(done, 60s))
      return "jobs did not complete: " + tunerd.get("/api/cloud/jobs").body
             + tunerd.child.output();
    std::string result;
    const auto counts = simulator.stats();
    for (const auto& [job, seen] : counts.at("by_job").items())
      if (seen.at("created") != 1 || seen.at("submissions") > tries_each)
        result += job + ": " + seen.dump() + "; ";
    return result;
  }

  /// @returns whether the log has a line with this text.
  bool says(const std::string& level, const std::string& text) {
    const auto lines = tunerd.child.log_lines();
    return std::any_of(lines.begin(), lines.end(), [&](const json& x) {
      return x.value("level", "") == level
             && x.value("message", "").find(text) != std::string::npos;
    });
  }

  /// @returns the field of the only job.
  json field(const char* name) const {
    return tunerd.get("/api/cloud/jobs").json().at("jobs").at(0).at(name);
  }

  scratch dir;
  simulator_process simulator;
  tunerd_process tunerd;
  int jobs = 0;
};

} // namespace

TEST_CASE("jobs run through a provider whose latency varies",
          "[integration][P3]") {
  faulty_world world{R"({"latency_ms": {"median": 50, "p99": 500}})"};
  world.submit(5);
  CHECK(world.complaint() == "");
}

TEST_CASE("a 429 with a header is waited for", "[integration][P9]") {
  const std::string refusals
    = R"([{"kind": "status", "status": 429, "retry_after": 1},
          {"kind": "status", "status": 429, "retry_after": 1,
           "hint": "date"}])";
  faulty_world world{R"({"submit": )" + refusals + R"(, "get": )" + refusals
                     + "}"};
  world.submit(3);
  CHECK(world.complaint(3) == "");
  CHECK(world.says("WARNING", "is put off: HTTP 429"));
  CHECK(!world.says("ERROR", "Failed to dispatch"));
}

TEST_CASE("a 429 without a header is waited for", "[integration][P9]") {
  const std::string refusals = R"([{"kind": "status", "status": 429},
          {"kind": "status", "status": 429, "retry_after": 1,
           "hint": "detail"}])";
  faulty_world world{R"({"submit": )" + refusals + R"(, "get": )" + refusals
                     + "}"};
  world.submit(3);
  CHECK(world.complaint(3) == "");
  CHECK(world.says("WARNING", "is put off: HTTP 429"));
  CHECK(!world.says("ERROR", "Failed to dispatch"));
}

TEST_CASE("a burst of 5xx loses and doubles nothing", "[integration][Q3][Q8]") {
  faulty_world world{
    R"({"submit": [{"kind": "status", "status": 502}],
        "get": [{"kind": "status", "status": 503, "for_ms": 2000}],
        "list": [{"kind": "status", "status": 503, "for_ms": 2000}]})"};
  world.submit(3);
  CHECK(world.complaint(2) == "");
}

TEST_CASE("a submission whose reply is lost is adopted from the list",
          "[integration][Q3]") {
  faulty_world world{R"({"submit": [{"kind": "close", "created": true},
                                    {"kind": "garbage", "created": true},
                                    {"kind": "status", "created": true}]})"};
  world.submit(3);
  CHECK(world.complaint() == "");
}

TEST_CASE("a submission whose reply is lost is adopted from its webhook",
          "[integration][Q3][W2]") {
  faulty_world world{
    R"({"submit": [{"kind": "close", "created": true}],
        "list": [{"kind": "status", "for_ms": 600000}],
        "get": [{"kind": "status", "for_ms": 600000}]})",
    false};
  world.submit(1, true);
  CHECK(world.complaint() == "");
  CHECK(world.says("INFO", "already submitted to provider"));
}

TEST_CASE("a list that lags behind makes no twin", "[integration][Q3]") {
  faulty_world world{R"({"list_lag_ms": 1000,
                         "submit": [{"kind": "close", "created": true}]})"};
  world.submit(2);
  CHECK(world.complaint() == "");
}

TEST_CASE("duplicate, late and forged webhooks are harmless",
          "[integration][W1][W2]") {
  faulty_world world{R"({"webhooks": {"duplicate": 100, "late": 50,
                                      "late_ms": 1500, "forged": 100}})",
                     false};
  world.submit(4, true);
  CHECK(world.complaint() == "");
  CHECK(world.says("WARNING", "refused: invalid_signature"));
  CHECK(world.tunerd.get("/api/cloud/jobs").body.find("forged.invalid")
        == std::string::npos);
}

TEST_CASE("lost webhooks are made up for by polls", "[integration][P10]") {
  faulty_world world{R"({"webhooks": {"lost": 100}})"};
  world.submit(2, true);
  CHECK(world.complaint() == "");
}

TEST_CASE("a status that nobody knows changes nothing", "[integration][P7]") {
  faulty_world world{
    R"({"get": [{"kind": "unknown_status", "for_ms": 4000}]})"};
  world.submit(1);
  REQUIRE(eventually(
    [&] { return world.says("WARNING", "Unknown status 'hibernating'"); }));
  CHECK(world.field("is_active") == true);
  CHECK(world.complaint() == "");
}

TEST_CASE("a job that vanished keeps nobody waiting", "[integration][P3][P8]") {
  faulty_world world{R"({"get": [{"kind": "vanish"}]})", true, 50, 2000};
  world.submit(3);
  REQUIRE(eventually([&] { return world.tunerd.count("completed") == 2; }));
  // It ends when it was missing for ten minutes, not before.
  CHECK(world.tunerd.count("running") + world.tunerd.count("queued") == 1);
}

// Ahead only: the simulator has begun by then, and its time never runs back.
TEST_CASE("a provider whose clock is wrong loses nothing",
          "[integration][Q3][W1]") {
  faulty_world world{R"({"clock_skew_ms": 120000,
                         "submit": [{"kind": "close", "created": true}]})"};
  world.submit(2, true);
  CHECK(world.complaint() == "");
  CHECK(!world.says("WARNING", "Webhook from"));
}

TEST_CASE("signatures of a clock that is far off are refused, polls help",
          "[integration][W1]") {
  faulty_world world{R"({"clock_skew_ms": 400000})"};
  world.submit(1, true);
  CHECK(world.complaint() == "");
  CHECK(world.says("WARNING", "refused: invalid_signature"));
}

TEST_CASE("a model is submitted in its newest version", "[integration][W5]") {
  faulty_world world{"{}"};
  world.submit(1, false, "demo/trainer");
  CHECK(world.complaint() == "");
  const auto ask = [&](const char* path) {
    return call("GET", world.simulator.url + path, {},
                {"Authorization: Bearer test"})
      .json()
      .at("results")
      .at(0);
  };
  const auto made = ask("/v1/predictions");
  CHECK(made.at("model") == "demo/trainer");
  CHECK(made.at("version") == ask("/v1/models/demo/trainer/versions").at("id"));
}
