// Log levels at run time, and the log lines of a trace.

#include "tests/http_api_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;

namespace {

log_entry line(std::string message, std::string fields = "{}") {
  return {.time = "2024-01-15T10:30:00.000Z",
          .level = "INFO",
          .logger = "simpletuner.cloud.jobs",
          .message = std::move(message),
          .fields = std::move(fields)};
}

} // namespace

TEST_CASE_METHOD(api_fixture, "a level is set, taken away and audited",
                 "[http_log_level]") {
  levels.level = log_level::warning;
  levels.loggers = {{"simpletuner.cloud.queue", log_level::debug}};
  const json shown = {{"level", "WARNING"},
                      {"loggers", {{"simpletuner.cloud.queue", "DEBUG"}}}};
  const std::string path = "/api/tunerd/log-level";
  CHECK(get(path) == shown);
  CHECK(level_changes.empty());
  const auto put_level = [&](const json& body) {
    const auto reply = call("PUT", path, body.dump());
    INFO(reply.body);
    REQUIRE(reply.status == 200);
    return json::parse(reply.body);
  };
  CHECK(put_level({{"level", "debug"}, {"logger", "simpletuner.cloud"}})
        == shown);
  CHECK(put_level({{"level", "ERROR"}}) == shown);
  for (const json& none : {json("default"), json(nullptr)})
    put_level({{"level", none}, {"logger", "a.b"}});
  REQUIRE(level_changes.size() == 4);
  CHECK(level_changes[0].logger == "simpletuner.cloud");
  CHECK(*level_changes[0].level == log_level::debug);
  CHECK(level_changes[1].logger.empty());
  CHECK(*level_changes[1].level == log_level::error);
  CHECK(!level_changes[2].level);
  CHECK(!level_changes[3].level);
  CHECK(all_corr_1(of_sink));
  REQUIRE(audited.size() == 4);
  CHECK(audited[0].action == "log_level.set");
  CHECK(audited[0].subject == "simpletuner.cloud");
  CHECK(audited[0].correlation_id == "corr-1");
  CHECK(put_level({{"level", "INFO"}, {"colour", "red"}})["warnings"].size()
        == 1);
}

TEST_CASE_METHOD(api_fixture, "a trace has the lines of the log",
                 "[http_log_level][L3]") {
  log_found.lines = {line("one", R"({"job_id":"j1","n":2})"), line("two")};
  log_found.truncated = true;
  const auto x = get("/api/tunerd/trace/abc.1")["log"];
  REQUIRE(searched.size() == 1);
  CHECK(searched[0].correlation_id == "abc.1");
  CHECK(searched[0].ctx.correlation_id == "corr-1");
  REQUIRE(x["lines"].size() == 2);
  CHECK(x["lines"][0]
        == json{{"timestamp", "2024-01-15T10:30:00.000Z"},
                {"level", "INFO"},
                {"logger", "simpletuner.cloud.jobs"},
                {"message", "one"},
                {"fields", {{"job_id", "j1"}, {"n", 2}}}});
  CHECK(x["truncated"] == true);
  CHECK(x["file"] == true);
  CHECK(!x.contains("message"));
  log_found = {.ctx = {}};
  const auto none = get("/api/tunerd/trace/abc.1")["log"];
  CHECK(none["file"] == false);
  CHECK(none["message"].get<std::string>().find("file") != std::string::npos);
}

TEST_CASE_METHOD(api_fixture, "an id without rows is traced by its lines",
                 "[http_log_level]") {
  trace = {};
  check_error(call("GET", "/api/tunerd/trace/abc"), 404, "not_found");
  log_found.lines = {line("refused")};
  CHECK(get("/api/tunerd/trace/abc")["log"]["lines"].size() == 1);
}

TEST_CASE_METHOD(api_fixture, "a trace without the log has what is stored",
                 "[http_log_level][L3]") {
  of_reader.failure = make_error(ec::worker_restarting, "it restarts");
  const auto x = get("/api/tunerd/trace/abc");
  CHECK(x["jobs"].size() == 1);
  CHECK(x["log"]["lines"].empty());
  CHECK(x["log"]["truncated"] == true);
  CHECK(x["log"]["message"].get<std::string>().find("restarts")
        != std::string::npos);
  trace = {};
  CHECK(call("GET", "/api/tunerd/trace/abc").status == 503);
}

TEST_CASE_METHOD(api_fixture, "who is no admin reads lines of jobs it sees",
                 "[http_log_level][E2]") {
  require_tokens();
  log_found.lines = {line("own", R"({"job_id":"j1"})"),
                     line("another org's", R"({"job_id":"j2"})"),
                     line("odd", R"({"job_id":7})"), line("nobody's")};
  const auto lines_for = [&](const std::string& token) {
    const auto reply = call_as(token, "GET", "/api/tunerd/trace/abc");
    REQUIRE(reply.status == 200);
    std::vector<std::string> result;
    const auto body = json::parse(reply.body);
    for (const auto& x : body["log"]["lines"])
      result.push_back(x["message"]);
    return result;
  };
  CHECK(lines_for("t-lead") == std::vector<std::string>{"own"});
  CHECK(lines_for("t-admin").size() == 4);
  trace = {}; // nothing that a lead may see
  check_error(call_as("t-lead", "GET", "/api/tunerd/trace/abc"), 404,
              "not_found");
}
