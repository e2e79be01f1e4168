// Levels that change at run time, through the log sink, and what a reload says.

#include "actors/log_sink/log_sink.hpp"

#include "runtime/log_changes.hpp"
#include "tests/deterministic.hpp"
#include "tests/log_capture.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace tunerd;

namespace {

constexpr logger queue_log{"simpletuner.cloud.queue"};
constexpr logger jobs_log{"simpletuner.cloud.jobs"};

/// A sink that leaves its lines to the capture.
struct level_fixture : test::deterministic {
  test::log_capture log{log_level::info};
  log_sink_actor aut = spawn(log_sink);

  log_levels change(const std::string& name, caf::optional<log_level> level) {
    return ask<log_levels>(aut, change_log_level{{"corr-1"}, name, level});
  }
};

} // namespace

TEST_CASE_METHOD(level_fixture, "a level changes for a name and those below",
                 "[log_level]") {
  CHECK(!queue_log.enabled(log_level::debug));
  const auto now = change("simpletuner.cloud.queue", log_level::debug);
  CHECK(now.ctx.correlation_id == "corr-1");
  CHECK(now.level == log_level::info);
  CHECK(now.loggers.at("simpletuner.cloud.queue") == log_level::debug);
  CHECK(queue_log.enabled(log_level::debug));
  CHECK(logger{"simpletuner.cloud.queue.x"}.enabled(log_level::debug));
  CHECK(!jobs_log.enabled(log_level::debug));
  CHECK(change("simpletuner.cloud.queue", caf::none).loggers.empty());
  CHECK(!queue_log.enabled(log_level::debug));
  CHECK(change("", log_level::error).level == log_level::error);
  CHECK(!jobs_log.enabled(log_level::warning));
  CHECK(ask<log_levels>(aut, get_log_levels{{"corr-1"}}).level
        == log_level::error);
  // Nothing else has changed.
  CHECK(current_log_settings().json_output);
  CHECK(current_log_settings().console_fd == -1);
}

TEST_CASE_METHOD(level_fixture, "a change is said even if it silences",
                 "[log_level]") {
  auto name
    = (std::filesystem::temp_directory_path() / "tunerd-log-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  auto to_file = current_log_settings();
  to_file.file = name + "/x.log";
  configure_logging(to_file);
  change("", log_level::error);
  change("", log_level::debug);
  change("a.b", log_level::warning);
  change("a.b", caf::none);
  drain_log();
  std::vector<std::string> said;
  std::ifstream in{to_file.file};
  for (std::string line; std::getline(in, line);)
    said.push_back(nlohmann::json::parse(line)["message"]);
  CHECK(
    said
    == std::vector<std::string>{"Log level of all loggers is now ERROR",
                                "Log level of all loggers is now DEBUG",
                                "Log level of a.b is now WARNING",
                                "Log level of a.b is now that of its parent"});
  std::filesystem::remove_all(name);
}

TEST_CASE_METHOD(level_fixture, "levels of their own are bounded",
                 "[log_level]") {
  auto full = current_log_settings();
  for (int i = 0; i < 1'000; ++i)
    full.levels["name" + std::to_string(i)] = log_level::info;
  configure_logging(full);
  const change_log_level one_more{{"corr-1"}, "more", log_level::info};
  CHECK(code_of(ask_error<log_levels>(aut, one_more)) == ec::overloaded);
  CHECK(change("name7", log_level::debug).loggers.at("name7")
        == log_level::debug);
  CHECK(change("name7", caf::none).loggers.size() == 999);
  CHECK(change("more", log_level::info).loggers.size() == 1'000);
}

TEST_CASE("what a reload changes in the log is named", "[log_level]") {
  const log_settings before{
    .level = log_level::info,
    .levels = {{"a", log_level::debug}, {"b", log_level::error}}};
  CHECK(log_changes(before, before).empty());
  auto after = before;
  after.level = log_level::warning;
  after.levels = {{"b", log_level::info}, {"c", log_level::debug}};
  after.rotated_max = 3;
  after.rotate_daily = true;
  CHECK(log_changes(before, after)
        == "level INFO -> WARNING, a DEBUG -> none, b ERROR -> INFO, "
           "c none -> DEBUG, daily rotation no -> yes, rotated files 10 -> 3");
}
