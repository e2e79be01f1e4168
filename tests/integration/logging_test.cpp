// What an operator does with the log: the commands of SimpleTuner's
// documentation on a real one, levels at run time, traces, rotation.

#include "tests/documented_messages.hpp"
#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

using namespace tunerd::test;
using nlohmann::json;

namespace {

std::string content(const std::string& path) {
  std::ostringstream result;
  result << std::ifstream{path}.rdbuf();
  return result.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in{text};
  std::vector<std::string> result;
  for (std::string line; std::getline(in, line);)
    result.push_back(line);
  return result;
}

/// @returns the JSON values in `text`, however they are laid out.
std::vector<json> values_in(const std::string& text) {
  std::istringstream in{text};
  std::vector<json> result;
  while (in >> std::ws && !in.eof()) {
    json value;
    in >> value;
    result.push_back(std::move(value));
  }
  return result;
}

std::string replaced(std::string text, const std::string& what,
                     const std::string& by) {
  for (auto at = text.find(what); at != text.npos;
       at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

/// A daemon that logs into a file, and a shell to look into it.
struct logging_fixture {
  scratch dir;
  std::string file = dir.path + "/cloud.log";
  int calls = 0;

  std::map<std::string, std::string> env() const {
    return {{"SIMPLETUNER_LOG_FILE", file}};
  }

  /// Runs a documented command on this log. @returns what it prints.
  std::string shell(const std::string& command) {
    const auto here = replaced(command, "/var/log/simpletuner/cloud.log", file);
    std::string result;
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe{::popen(here.c_str(), "r"),
                                                     ::pclose};
    REQUIRE(pipe);
    std::array<char, 4096> bytes{};
    while (const auto n = std::fread(bytes.data(), 1, bytes.size(), pipe.get()))
      result.append(bytes.data(), n);
    return result;
  }

  int tunerctl(const std::string& url, std::vector<std::string> arguments,
               std::string& said) {
    arguments.insert(arguments.begin(), {TUNERCTL, "--url", url});
    process child{std::move(arguments),
                  {},
                  dir.path + "/tunerctl-" + std::to_string(++calls)};
    const auto code = child.wait();
    said = child.output();
    return code;
  }

  bool has(const std::string& text) const {
    return content(file).find(text) != std::string::npos;
  }
};

std::string id_of(const answer& reply) {
  INFO(reply.body);
  REQUIRE(reply.status == 200);
  return reply.json().at("job_id").get<std::string>();
}

const std::string often = "background:\n"
                          "  job_status_polling: {interval_seconds: 1}\n";

} // namespace

TEST_CASE_METHOD(logging_fixture,
                 "the documented commands find what they promise",
                 "[integration][L2][L3]") {
  std::string job, expiring;
  {
    auto simulator = std::make_unique<simulator_process>(dir, 100, 60'000);
    tunerd_process tunerd{dir,
                          {},
                          env(),
                          "tunerd:\n  providers:\n    replicate:\n"
                          "      base_url: "
                            + simulator->url + "/v1\n" + often};
    REQUIRE(tunerd.ready());
    job = id_of(
      tunerd.post("/api/cloud/jobs/submit",
                  {{"version", "demo/trainer:abc"}, {"input", {{"steps", 1}}}},
                  {"X-Correlation-ID: abc123"}));
    expiring = id_of(tunerd.post("/api/cloud/jobs/submit",
                                 {{"version", "demo/trainer:abc"},
                                  {"input", {{"steps", 2}}},
                                  {"requires_approval", true},
                                  {"approval_deadline_seconds", 1}},
                                 {"X-Correlation-ID: abc1234"}));
    REQUIRE(eventually([&] {
      return has("expired, job " + expiring) && has("Synced 1 active jobs");
    }));
    simulator.reset(); // from now on polls fail
    REQUIRE(eventually([&] { return has("Failed to sync job " + job); }));
    tunerd.child.signal(SIGTERM);
    CHECK(tunerd.child.wait() == 0);
  }

  // Find all logs for a specific request
  const auto found = lines_of(shell(
    R"(grep '"correlation_id": "abc123"' /var/log/simpletuner/cloud.log)"));
  const auto parsed
    = values_in(shell(R"(cat /var/log/simpletuner/cloud.log | )"
                      R"(jq 'select(.correlation_id == "abc123")')"));
  REQUIRE(found.size() == parsed.size());
  std::set<std::string> texts;
  for (size_t i = 0; i < found.size(); ++i) {
    CHECK(json::parse(found[i]) == parsed[i]);
    CHECK(parsed[i]["correlation_id"] == "abc123");
    texts.insert(parsed[i]["message"].get<std::string>());
  }
  // From the request to the last poll.
  CHECK(texts.count("Job submitted successfully") == 1);
  CHECK(texts.count("Dispatching job " + job + " to replicate") == 1);
  const auto starts_with = [&](const std::string& begin) {
    return std::any_of(texts.begin(), texts.end(),
                       [&](const auto& x) { return x.rfind(begin, 0) == 0; });
  };
  CHECK(starts_with("Failed to sync job " + job));

  // Find all logs for a specific job
  const auto about_job
    = values_in(shell(replaced("cat /var/log/simpletuner/cloud.log | \\\n"
                               "  jq 'select(.extra.job_id == \"xyz789\")'",
                               "xyz789", job)));
  CHECK(about_job.size() > 3);
  for (const auto& x : about_job) {
    CHECK(x["extra"]["job_id"] == job);
    CHECK(x["correlation_id"] == "abc123");
  }

  // Watch polling activity
  const auto polling = values_in(
    shell("cat /var/log/simpletuner/cloud.log | \\\n"
          "  jq 'select(.message | contains(\"polling\")) | {timestamp, "
          "message}'"));
  CHECK(polling.size() >= 3);
  CHECK(std::any_of(polling.begin(), polling.end(), [](const json& x) {
    return x["message"].get<std::string>().rfind("Starting job status polling",
                                                 0)
           == 0;
  }));
  for (const auto& x : polling)
    CHECK(x.size() == 2);

  // Monitor approval expirations
  const auto expired
    = values_in(shell("cat /var/log/simpletuner/cloud.log | \\\n"
                      "  jq 'select(.message | contains(\"expired\"))'"));
  CHECK(std::any_of(expired.begin(), expired.end(), [&](const json& x) {
    return x["extra"].value("job_id", "") == expiring
           && x["correlation_id"] == "abc1234";
  }));

  // What Promtail's pipeline takes from each line.
  const auto taken = lines_of(
    shell("jq -r '[.level, .correlation_id, .extra.job_id // \"\"] | @tsv' "
          "/var/log/simpletuner/cloud.log"));
  CHECK(taken.size() == lines_of(content(file)).size());
  for (const auto& x : taken)
    CHECK(std::count(x.begin(), x.end(), '\t') == 2);
  CHECK(std::any_of(taken.begin(), taken.end(), [&](const auto& x) {
    return x == "INFO\tabc123\t" + job;
  }));

  // Every documented text that was said has its level.
  std::set<std::string> said;
  for (const auto& line : lines_of(content(file))) {
    const auto x = json::parse(line);
    for (const auto& y : documented_messages())
      if (is_instance(x["message"].get<std::string>(), y.format)) {
        INFO(line);
        CHECK(x["level"] == y.level);
        said.insert(y.format);
      }
  }
  for (const auto* format :
       {"Auto-enabling job polling (no webhook configured)",
        "Starting job status polling (Auto, interval: {}s)",
        "Job polling loop started (interval: {}s)",
        "Job polling loop stopped",
        "Synced {} active jobs",
        "Failed to sync job {}: {}",
        "Queue scheduler started with {}s processing interval",
        "Queue background processing started (interval: {:.1f}s)",
        "Queue background processing stopped",
        "Queue processing started",
        "Queue scheduler stopped",
        "Dispatching job {} to {}",
        "Dispatched {} jobs: {}",
        "No job ready: {}",
        "Enqueued job {} for user {} at priority {} (position {})",
        "Expired {} approval requests and rejected associated jobs",
        "Approval request {} expired, job {} cancelled",
        "Approval expiration task started (interval={}s)",
        "Approval expiration loop started (interval: {}s)",
        "Approval expiration loop stopped",
        "Stopping background tasks...",
        "Background tasks stopped",
        "Job submitted successfully",
        "Attempt {}/{} failed, retrying in {:.2f}s: {}"}) {
    INFO(format);
    CHECK(said.count(format) == 1);
  }
}

TEST_CASE_METHOD(logging_fixture,
                 "a level changes at once, until the next reload",
                 "[integration]") {
  auto quiet = env();
  quiet["SIMPLETUNER_LOG_LEVEL"] = "INFO";
  tunerd_process tunerd{dir, {"--simulate"}, quiet, often};
  REQUIRE(tunerd.ready());
  std::string said;
  CHECK(tunerctl(tunerd.url, {"log-level"}, said) == 0);
  CHECK(said == "INFO\n");
  CHECK(!has("\"level\": \"DEBUG\""));
  CHECK(
    tunerctl(tunerd.url, {"log-level", "simpletuner.cloud.http", "DEBUG"}, said)
    == 0);
  CHECK(said == "INFO\nDEBUG  simpletuner.cloud.http\n");
  REQUIRE(eventually([&] { return has("\"message\": \"HTTP request\""); }));
  CHECK(tunerctl(tunerd.url, {"log-level", "LOUD"}, said) == 1);
  CHECK(said.find("level") != std::string::npos);
  CHECK(tunerctl(tunerd.url, {"log-level", "simpletuner.cloud.http", "default"},
                 said)
        == 0);
  CHECK(said == "INFO\n");
  CHECK(tunerctl(tunerd.url, {"log-level", "ERROR"}, said) == 0);
  CHECK(said == "ERROR\n");
  CHECK(
    eventually([&] { return has("Log level of all loggers is now ERROR"); }));

  std::ofstream{dir.path + "/config.yaml", std::ios::app}
    << "tunerd:\n  logging:\n    levels:\n"
       "      - {logger: simpletuner.cloud.polling, level: DEBUG}\n"
       "    rotated_files: 3\n";
  tunerd.child.signal(SIGHUP);
  REQUIRE(eventually([&] {
    return has("Logging changed: level ERROR -> INFO, "
               "simpletuner.cloud.polling none -> DEBUG, "
               "rotated files 10 -> 3");
  }));
  CHECK(tunerctl(tunerd.url, {"log-level"}, said) == 0);
  CHECK(said == "INFO\nDEBUG  simpletuner.cloud.polling\n");
}

TEST_CASE_METHOD(logging_fixture,
                 "a trace is one list across rotation and restart",
                 "[integration][L3]") {
  std::string job, first, second;
  const auto run = [&](const auto& work) {
    tunerd_process tunerd{dir, {"--simulate"}, env(), often};
    REQUIRE(tunerd.ready());
    work(tunerd);
    tunerd.child.signal(SIGTERM);
    CHECK(tunerd.child.wait() == 0);
  };
  run([&](tunerd_process& tunerd) {
    job = id_of(tunerd.post("/api/cloud/jobs/submit",
                            {{"input", {{"simulate", {{"run_ms", 100}}}}},
                             {"requires_approval", true}},
                            {"X-Correlation-ID: req-7"}));
  });
  std::filesystem::rename(file, file + ".1");
  run([&](tunerd_process& tunerd) {
    REQUIRE(tunerctl(tunerd.url, {"approve", job}, first) == 0);
    REQUIRE(eventually([&] {
      return tunerd.get("/api/cloud/jobs/" + job).json()["status"]
             == "completed";
    }));
    REQUIRE(eventually([&] { return has("Job " + job + " is completed"); }));
    REQUIRE(tunerctl(tunerd.url, {"trace", "req-7"}, first) == 0);
    REQUIRE(tunerctl(tunerd.url, {"trace", "--json", "req-7"}, second) == 0);
  });
  INFO(first);
  size_t at = 0;
  for (const auto& part :
       {std::string{"job       " + job + "  submitted"},
        std::string{"Job submitted successfully"},
        std::string{"Dispatching job " + job + " to replicate"},
        std::string{"attempt   " + job + "  closed"},
        std::string{"status=completed"}, "Job " + job + " is completed"}) {
    INFO(part);
    const auto next = first.find(part, at);
    REQUIRE(next != std::string::npos);
    at = next;
  }
  auto times = lines_of(first);
  for (auto& x : times)
    x.resize(24);
  CHECK(std::is_sorted(times.begin(), times.end()));
  const auto raw = json::parse(second);
  CHECK(raw["correlation_id"] == "req-7");
  CHECK(raw["log"]["file"] == true);
  CHECK(raw["log"]["truncated"] == false);
  size_t in_files = 0;
  for (const auto& path : {file, file + ".1"})
    for (const auto& line : lines_of(content(path)))
      in_files += json::parse(line)["correlation_id"] == "req-7" ? 1 : 0;
  CHECK(raw["log"]["lines"].size() <= in_files); // the shutdown said more
  CHECK(raw["log"]["lines"].size() + 3 >= in_files);
}

TEST_CASE_METHOD(logging_fixture, "a trace without a log file says so",
                 "[integration]") {
  tunerd_process tunerd{dir, {"--simulate"}};
  REQUIRE(tunerd.ready());
  id_of(tunerd.post("/api/cloud/jobs/submit", {{"input", {{"steps", 1}}}},
                    {"X-Correlation-ID: req-8"}));
  std::string said;
  REQUIRE(tunerctl(tunerd.url, {"trace", "req-8"}, said) == 0);
  CHECK(said.find("lines are not written to a file") != std::string::npos);
  CHECK(said.find("job_status_changed") != std::string::npos);
}

TEST_CASE_METHOD(logging_fixture, "logrotate and SIGHUP lose no line",
                 "[integration][L4]") {
  tunerd_process tunerd{dir, {"--simulate"}, env(), often};
  REQUIRE(tunerd.ready());
  const auto pid_file = dir.path + "/pid";
  std::ofstream{pid_file} << tunerd.child.pid() << '\n';
  auto config = replaced(content("deploy/logrotate.conf"),
                         "/var/log/simpletuner/cloud.log", file);
  config = replaced(
    config, "systemctl kill --kill-who=main --signal=HUP tunerd.service",
    "kill -HUP $(cat " + pid_file + ")");
  REQUIRE(config.find("kill -HUP") != std::string::npos);
  const auto config_file = dir.path + "/logrotate.conf";
  std::ofstream{config_file} << config;
  std::filesystem::permissions(config_file, std::filesystem::perms{0600});
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 50; ++i)
      REQUIRE(tunerd.get("/api/queue").status == 200);
    process rotation{{"/usr/sbin/logrotate", "--force", "--state",
                      dir.path + "/logrotate.state", config_file},
                     {},
                     dir.path + "/rotation-" + std::to_string(round)};
    for (int i = 0; i < 50; ++i)
      REQUIRE(tunerd.get("/api/queue").status == 200);
    INFO(rotation.output());
    REQUIRE(rotation.wait() == 0);
    REQUIRE(eventually([&] { return has("Settings reloaded"); }));
  }
  tunerd.child.signal(SIGTERM);
  REQUIRE(tunerd.child.wait() == 0);
  std::vector<std::string> kept;
  for (const auto* suffix : {".3", ".2", ".1", ""})
    for (auto& line : lines_of(content(file + suffix)))
      kept.push_back(std::move(line));
  std::vector<std::string> written;
  for (const auto& line : lines_of(tunerd.child.output()))
    if (json::accept(line))
      written.push_back(line);
  CHECK(kept.size() > 300);
  CHECK(kept == written); // stdout has the same lines
}
