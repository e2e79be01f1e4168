// The messages that people search logs for: each is said, at its level. What a
// run provokes is checked in tests/integration/logging_test.cpp; here the rest.

#include "tests/documented_messages.hpp"
#include "tests/log_capture.hpp"

#include <catch2/catch.hpp>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace tunerd;
using namespace tunerd::test;
namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& path) {
  std::ostringstream result;
  result << std::ifstream{path}.rdbuf();
  return result.str();
}

/// @returns what the programs log.
const logged_texts& texts_of_sources() {
  static const auto all = [] {
    logged_texts result;
    for (const auto* folder : {"actors", "runtime"})
      for (const auto& file : fs::recursive_directory_iterator{folder})
        if (file.path().extension() == ".cpp")
          find_logged_texts(content(file.path()), result);
    return result;
  }();
  return all;
}

} // namespace

TEST_CASE("logged texts are found with their levels", "[documented]") {
  logged_texts found;
  find_logged_texts(R"(
    // log.info("in a comment");
    log.debug("one {}",
              1);
    queue_log.warning("two "
                      "\"parts\"");
    log.error(text);
    dialog.open("no");
    log.info("one {}");)",
                    found);
  CHECK(found
        == logged_texts{{"one {}", {"DEBUG", "INFO"}},
                        {"two \"parts\"", {"WARNING"}}});
}

TEST_CASE("an instance of a format is recognised", "[documented]") {
  CHECK(is_instance("Synced 3 active jobs", "Synced {} active jobs"));
  CHECK(is_instance("Attempt 1/3 failed, retrying in 0.25s: no {way}",
                    "Attempt {}/{} failed, retrying in {:.2f}s: {}"));
  CHECK(is_instance("plain", "plain"));
  CHECK(!is_instance("Synced 3 active jobs!", "Synced {} active jobs"));
  CHECK(!is_instance("Not synced", "Synced {} active jobs"));
  CHECK(!is_instance("plain text", "plain"));
}

TEST_CASE("every documented message is said at its level and no other",
          "[documented][L2]") {
  const auto& said = texts_of_sources();
  REQUIRE(said.size() > 100); // run from the repository's root
  for (const auto& x : documented_messages()) {
    INFO(x.level << " " << x.format);
    const auto i = said.find(x.format);
    REQUIRE(i != said.end());
    CHECK(i->second == std::set<std::string>{x.level});
  }
}

TEST_CASE("no other text reads like a documented one", "[documented]") {
  // Else a search for the documented one finds that, too.
  for (const auto& [text, levels] : texts_of_sources())
    for (const auto& x : documented_messages()) {
      // These two say what holds the queue and the poller, nothing else does.
      if (text == x.format || x.format.starts_with("{}"))
        continue;
      INFO(text << " reads like " << x.format);
      CHECK(!is_instance(text, x.format));
    }
}

TEST_CASE("documented numbers are written as documented", "[documented]") {
  constexpr logger log{"simpletuner.cloud.queue"};
  log_capture lines;
  log.info("Queue background processing started (interval: {:.1f}s)", 5.0);
  log.warning("Attempt {}/{} failed, retrying in {:.2f}s: {}", 1, 3, 0.25,
              "no answer");
  CHECK(lines.contains("(interval: 5.0s)"));
  CHECK(lines.contains("Attempt 1/3 failed, retrying in 0.25s: no answer"));
}

// -- aggregators --------------------------------------------------------------

TEST_CASE("the Promtail pipeline is the documented one", "[documented]") {
  const auto config = YAML::LoadFile("deploy/promtail.yaml");
  const auto job = config["scrape_configs"][0];
  CHECK(job["job_name"].as<std::string>() == "simpletuner");
  const auto labels = job["static_configs"][0]["labels"];
  CHECK(labels["__path__"].as<std::string>()
        == "/var/log/simpletuner/cloud.log");
  const auto stages = job["pipeline_stages"];
  REQUIRE(stages.size() == 2);
  CHECK(
    stages[0]["json"]["expressions"].as<std::map<std::string, std::string>>()
    == std::map<std::string, std::string>{{"level", "level"},
                                          {"correlation_id", "correlation_id"},
                                          {"job_id", "extra.job_id"}});
  CHECK(stages[1]["labels"].size() == 2);
  CHECK(stages[1]["labels"]["level"].IsNull());
  CHECK(stages[1]["labels"]["correlation_id"].IsNull());
}

TEST_CASE("the other aggregators read the same file", "[documented]") {
  const auto vector = YAML::LoadFile("deploy/vector.yaml");
  CHECK(vector["sources"]["tunerd"]["include"][0].as<std::string>()
        == "/var/log/simpletuner/cloud.log");
  CHECK(vector["transforms"]["tunerd_json"]["inputs"][0].as<std::string>()
        == "tunerd");
  const auto filebeat = YAML::LoadFile("deploy/filebeat.yml");
  CHECK(filebeat["filebeat.inputs"][0]["paths"][0].as<std::string>()
        == "/var/log/simpletuner/cloud.log");
  CHECK(content("deploy/logrotate.conf").find("/var/log/simpletuner/cloud.log")
        != std::string::npos);
}
