// The public logging API in a process of its own, line by line.

#include "actors/support/http_server.hpp"

#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <future>
#include <regex>
#include <sstream>

using namespace tunerd::test;
using nlohmann::json;

namespace {

std::string read(const std::string& path) {
  std::ifstream in{path};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> result;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);)
    result.push_back(line);
  return result;
}

/// A line without what differs from run to run.
struct expected {
  std::string level, logger, message, correlation_id, function;
  json extra = json::object();
};

const std::string made = "made"; // 12 hex digits

const std::vector<expected> all{
  {"INFO",
   "simpletuner.cloud.jobs",
   "Starting job processing",
   "abc123",
   "process_job",
   {{"job_id", "xyz789"}, {"provider", "replicate"}}},
  {"INFO",
   "simpletuner.cloud.jobs",
   "Validating configuration",
   "abc123",
   "process_job",
   {{"job_id", "xyz789"}, {"provider", "replicate"}, {"step", "validation"}}},
  {"INFO",
   "simpletuner.cloud.jobs",
   "Submitting to provider",
   "abc123",
   "process_job",
   {{"job_id", "xyz789"},
    {"provider", "other"},
    {"step", "submission"},
    {"attempt", 1},
    {"cost", 2.5}}},
  {"INFO",
   "simpletuner.cloud.jobs",
   "Job processing complete",
   "abc123",
   "process_job",
   {{"job_id", "xyz789"}, {"provider", "replicate"}}},
  {"ERROR", "simpletuner.cloud.jobs", "Error in job polling: disk full",
   "abc123", "main"},
  {"INFO",
   "simpletuner.cloud.http",
   "Made",
   made,
   "manage_ids",
   {{"id", made}}},
  {"INFO", "simpletuner.cloud.http", "Set", "request-abc-123", "manage_ids"},
  {"DEBUG",
   "simpletuner.cloud.tasks",
   "New correlation id",
   made,
   "set_correlation_id",
   {{"reason", "an invalid one was set"}}},
  {"INFO", "simpletuner.cloud.http", "Replaced", made, "manage_ids"},
  {"INFO", "simpletuner.cloud.jobs", "On a thread of its own", made,
   "change_threads"},
  {"INFO",
   "simpletuner.cloud.jobs",
   "On another thread",
   "hop-1",
   "change_threads",
   {{"job_id", "hop"}}},
  {"DEBUG", "simpletuner.cloud.http", "HTTP call finished", "call-1",
   "log_call"},
  {"INFO",
   "simpletuner.cloud.providers",
   "Answered",
   "call-1",
   "make_call",
   {{"status", 200}, {"body", "pong"}}},
  {"DEBUG", "simpletuner.cloud.queue.lanes", "Below its level", made, "main"},
  {"INFO", "other", "Elsewhere", made, "main"},
  {"ERROR", "simpletuner.cloud.jobs", "With a stack: disk full", made, "main"},
};

bool is_made(const std::string& id) {
  return std::regex_match(id, std::regex{"[0-9a-f]{12}"});
}

void check(const expected& want, const json& line) {
  INFO(line.dump());
  static const std::regex time{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"};
  CHECK(std::regex_match(line.at("timestamp").get<std::string>(), time));
  CHECK(line.at("level") == want.level);
  CHECK(line.at("logger") == want.logger);
  CHECK(line.at("message") == want.message);
  CHECK(line.at("source").at("function") == want.function);
  CHECK(line.at("source").at("line").get<int>() > 0);
  const auto id = line.at("correlation_id").get<std::string>();
  if (want.correlation_id == made)
    CHECK(is_made(id));
  else
    CHECK(id == want.correlation_id);
  auto extra = want.extra;
  if (extra.value("id", "") == made)
    extra["id"] = id;
  if (want.message != "HTTP call finished")
    CHECK(line.at("extra") == extra);
}

} // namespace

TEST_CASE("the document's examples run without a daemon",
          "[integration][L1][L3][L4]") {
  scratch dir;
  std::promise<std::string> sent;
  tunerd::http_server* there = nullptr;
  tunerd::http_server server{{}, [&](const tunerd::http_call& x) {
                               sent.set_value(
                                 tunerd::header(x.headers, "x-correlation-id"));
                               there->reply(x.id, {.body = "pong"});
                             }};
  there = &server;
  server.start();
  const auto url = "http://127.0.0.1:" + std::to_string(server.port()) + "/";
  process example{{TUNERD_LOGGING_EXAMPLE, url},
                  {{"SIMPLETUNER_LOG_LEVEL", "debug"},
                   {"SIMPLETUNER_LOG_FORMAT", "JSON"},
                   {"SIMPLETUNER_LOG_FILE", dir.path + "/cloud.log"}},
                  dir.path + "/out.txt"};
  REQUIRE(example.wait() == 0);
  CHECK(sent.get_future().get() == "call-1");

  auto lines = lines_of(example.output());
  std::erase_if(lines, [](const auto& x) {
    return x.find("simpletuner.cloud.http.curl") != x.npos;
  });
  INFO(example.output());
  REQUIRE(lines.size() == all.size() + 2);
  for (size_t i = 0; i < all.size(); ++i)
    check(all[i], json::parse(lines[i]));
  CHECK(json::parse(lines[4]).at("exception")
        == "std::runtime_error: disk full");
  CHECK(!json::parse(lines[4]).contains("stack_info"));
  CHECK(json::parse(lines[all.size() - 1]).contains("stack_info"));
  // Then text, INFO since there is no level of that name.
  const std::string date = R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d )";
  CHECK(std::regex_match(
    lines[all.size()],
    std::regex{date
               + R"(\[WARNING\] simpletuner\.cloud\.tasks \([0-9a-f]{12}\): )"
                 R"(Unknown log level 'loud', using INFO)"}));
  CHECK(std::regex_match(lines[all.size() + 1],
                         std::regex{date
                                    + R"(\[INFO\] other \(text-1\): )"
                                      R"(As text\\nwith a line break)"}));
  // The file has the same lines, as long as it was configured.
  auto in_file = read(dir.path + "/cloud.log");
  CHECK(!in_file.empty());
  CHECK(example.output().starts_with(in_file));
  CHECK(in_file.find("Elsewhere") != in_file.npos);
}
