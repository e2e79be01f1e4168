// One job and many jobs through a whole daemon, seen from outside.

#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <set>
#include <sstream>

using namespace tunerd::test;
using nlohmann::json;

namespace {

const std::string fast = "background:\n"
                         "  job_status_polling:\n"
                         "    interval_seconds: 1\n";

std::string provider_at(const std::string& url) {
  return "tunerd:\n  providers:\n    replicate:\n      base_url: " + url
         + "/v1\n";
}

/// @returns the messages of the lines with this correlation id, in order.
std::vector<std::string> trace(const process& child, const std::string& id) {
  std::vector<std::string> result;
  for (const auto& line : child.log_lines())
    if (line.value("correlation_id", "") == id)
      result.push_back(line.value("message", ""));
  return result;
}

/// @returns where in `texts` the first one containing `part` is, or npos.
size_t place_of(const std::vector<std::string>& texts,
                const std::string& part) {
  for (size_t i = 0; i < texts.size(); ++i)
    if (texts[i].find(part) != std::string::npos)
      return i;
  return std::string::npos;
}

} // namespace

TEST_CASE("one job goes through under one correlation id",
          "[integration][L3][E1]") {
  scratch dir;
  simulator_process simulator{dir, 300, 1500};
  tunerd_process tunerd{dir, {}, {}, fast + provider_at(simulator.url)};
  process stream{{"/usr/bin/curl", "-sN", tunerd.url + "/api/events"},
                 {},
                 dir.path + "/early.txt"};
  REQUIRE(tunerd.ready());
  process events{{"/usr/bin/curl", "-sN", tunerd.url + "/api/events"},
                 {},
                 dir.path + "/events.txt"};
  REQUIRE(eventually([&] {
    return events.output().find("event: connection") != std::string::npos;
  }));

  const auto reply
    = tunerd.post("/api/cloud/jobs/submit?provider=replicate",
                  {{"version", "demo/trainer:abc"}, {"input", {{"steps", 10}}}},
                  {"X-Correlation-ID: req-42"});
  REQUIRE(reply.status == 200);
  CHECK(reply.headers.at("x-correlation-id") == "req-42");
  const auto id = reply.json().at("job_id").get<std::string>();
  REQUIRE(eventually([&] { return tunerd.count("completed") == 1; }));

  const auto job = tunerd.get("/api/cloud/jobs/" + id).json().at("job");
  CHECK(job.at("correlation_id") == "req-42");
  CHECK(job.at("cost_usd").is_number());
  CHECK(job.at("output_url").is_string());

  REQUIRE(eventually([&] {
    return events.output().find("\"completed\"") != std::string::npos;
  }));
  const auto seen = events.output();
  size_t last = 0;
  for (const auto* status : {"pending", "queued", "running", "completed"}) {
    INFO(status << " in\n" << seen);
    const auto at = seen.find("\"status\":\"" + std::string{status} + "\"");
    REQUIRE(at != std::string::npos);
    CHECK(at > last);
    last = at;
  }

  const auto lines = trace(tunerd.child, "req-42");
  INFO(json(lines).dump(1));
  const auto request = place_of(lines, "Job submitted successfully");
  const auto claim = place_of(lines, "Dispatching job " + id);
  const auto running = place_of(lines, "Job " + id + " is running");
  const auto done = place_of(lines, "Job " + id + " is completed");
  REQUIRE(done != std::string::npos);
  CHECK(claim < running);
  CHECK(running < done);
  CHECK(request != std::string::npos);
  const auto stats = simulator.stats();
  CHECK(stats.dump().find("req-42") != std::string::npos);

  // A client that was away misses nothing.
  process replay{{"/usr/bin/curl", "-sN", "--max-time", "2", "-H",
                  "Last-Event-ID: 0", tunerd.url + "/api/events"},
                 {},
                 dir.path + "/replay.txt"};
  replay.wait();
  for (const auto* status : {"pending", "queued", "running", "completed"})
    CHECK(replay.output().find("\"status\":\"" + std::string{status} + "\"")
          != std::string::npos);
  tunerd.child.signal(SIGTERM);
  CHECK(tunerd.child.wait() == 0);
}

TEST_CASE("the documented variables are honoured", "[integration][P11][L4]") {
  scratch dir;
  const auto file = dir.path + "/cloud.log";
  tunerd_process tunerd{dir,
                        {"--simulate"},
                        {{"SIMPLETUNER_JOB_POLL_INTERVAL", "2"},
                         {"SIMPLETUNER_LOG_FORMAT", "json"},
                         {"SIMPLETUNER_LOG_LEVEL", "INFO"},
                         {"SIMPLETUNER_LOG_FILE", file}}};
  REQUIRE(tunerd.ready());
  REQUIRE(!tunerd.submit({{"steps", 1}}).empty());
  std::string text;
  REQUIRE(eventually([&] {
    std::ifstream in{file};
    std::ostringstream out;
    out << in.rdbuf();
    text = out.str();
    return text.find("Dispatching job") != std::string::npos;
  }));
  CHECK(text.find("(Auto, interval: 2s)") != std::string::npos);
  CHECK(text.find("\"level\": \"DEBUG\"") == std::string::npos);
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);)
    CHECK(json::parse(line, nullptr, false).is_object());
}

TEST_CASE("limits hold at the provider and every job completes",
          "[integration][Q1]") {
  scratch dir;
  simulator_process simulator{dir, 20, 60};
  tunerd_process tunerd{dir, {}, {}, fast + provider_at(simulator.url)};
  REQUIRE(tunerd.ready());
  for (int i = 0; i < 100; ++i) {
    const auto user = "u" + std::to_string(i % 10);
    REQUIRE(!tunerd.submit({{"user", user}, {"n", i}}, user).empty());
  }
  REQUIRE(eventually([&] { return tunerd.count("completed") == 100; },
                     std::chrono::seconds{60}));
  const auto stats = simulator.stats();
  CHECK(stats.at("submissions") == 100);
  // Of the provider's jobs that are not over, running or not.
  CHECK(stats.at("active_max") <= 5);
  CHECK(stats.at("active_max") >= 3);
  REQUIRE(stats.at("by_user").size() == 10);
  for (const auto& [user, seen] : stats.at("by_user").items()) {
    CHECK(seen.at("active_max") <= 2);
    CHECK(seen.at("created") == 10);
  }
}

TEST_CASE("a bad setting ends the start with its name", "[integration][P11]") {
  scratch dir;
  tunerd_process tunerd{
    dir, {"--simulate"}, {{"SIMPLETUNER_JOB_POLL_INTERVAL", "often"}}};
  CHECK(tunerd.child.wait() == 2);
  CHECK(tunerd.child.output().find("SIMPLETUNER_JOB_POLL_INTERVAL")
        != std::string::npos);
}

TEST_CASE("a second daemon on the same files is refused", "[integration]") {
  scratch dir;
  tunerd_process first{dir, {"--simulate"}};
  REQUIRE(first.ready());
  tunerd_process second{dir, {"--simulate"}};
  CHECK(second.child.wait() == 1);
  INFO(second.child.output());
  CHECK(second.child.output().find("tunerd.db") != std::string::npos);
  CHECK(first.get("/health/ready").status == 200);
}

TEST_CASE("nothing a client sends stops the daemon", "[integration]") {
  scratch dir;
  tunerd_process tunerd{dir, {"--simulate"}};
  REQUIRE(tunerd.ready());
  const auto submit = tunerd.url + "/api/cloud/jobs/submit?provider=replicate";
  const auto malformed = call("POST", submit, "{\"input\": ");
  CHECK(malformed.status == 400);
  CHECK(malformed.json().at("error") == "validation_error");
  CHECK(malformed.headers.count("x-correlation-id") == 1);
  CHECK(call("POST", submit, std::string(9 * 1024 * 1024, 'x')).status == 413);
  CHECK(call("POST", submit, std::string(200'000, '[')).status == 400);
  CHECK(call("POST", submit, "[]").status == 400);
  CHECK(call("GET", tunerd.url + "/nothing").status == 404);
  CHECK(call("GET", tunerd.url + "/health", "", {"Host: evil.example"}).status
        == 403);
  CHECK(call("POST", submit, "{}", {"Origin: https://evil.example"}).status
        == 403);
  CHECK(tunerd.get("/health/ready").status == 200);
  CHECK(tunerd.get("/api/cloud/jobs").json().at("total") == 0);
}
