#include "actors/http_gateway/log_stream.hpp"

#include "tests/http_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;
using namespace std::chrono_literals;

namespace {

/// A server that keeps answers in parts.
struct stream_recorder : recorder {
  struct stream {
    http_reply head = {};
    stream_listener listener = {};
    std::string text = {};
    size_t parts = 0;
    bool ended = false;
  };
  std::map<uint64_t, stream> streams;
  /// The client reads at once.
  bool is_reading = true;

  void begin(uint64_t id, http_reply head, stream_listener listener) override {
    streams[id] = {std::move(head), std::move(listener)};
    if (is_reading)
      streams[id].listener(stream_change::taken);
  }
  void append(uint64_t id, std::string part) override {
    auto& x = streams[id];
    x.text += part;
    ++x.parts;
    if (is_reading)
      x.listener(stream_change::taken);
  }
  void end(uint64_t id) override {
    streams[id].ended = true;
  }
};

/// The HTTP GATEWAY with a job whose log grows, here and at the provider.
struct logs_fixture : gateway_fixture {
  std::shared_ptr<stream_recorder> streamer
    = std::make_shared<stream_recorder>();
  std::string here, there;
  bool is_final = false;
  caf::error refusal, provider_refusal;
  std::vector<get_job_logs> asked_here;
  std::vector<get_provider_job> asked_there;

  logs_fixture() {
    server = streamer;
    gate->serve(server);
    stored.status = job_status::running;
    stored.queue = queue_status::running;
    stored.external_id = "x1";
    stored.hardware_profile = "h100-x8";
    stored.correlation_id = "corr-job";
    more_of_store = caf::message_handler{
      [this](const get_job_logs& x) -> caf::result<job_logs_found> {
        asked_here.push_back(x);
        if (refusal)
          return refusal;
        return job_logs_found{x.ctx, stored, here, is_final};
      }};
    more_of_providers = caf::message_handler{
      [this](const get_provider_job& x) -> caf::result<provider_job_found> {
        asked_there.push_back(x);
        if (provider_refusal)
          return provider_refusal;
        provider_job_found found{x.ctx, {x.external_id}};
        found.seen.logs = there;
        return found;
      }};
    start();
  }

  uint64_t open(const std::string& job = "j1", const std::string& peer = {}) {
    return begin({.method = "GET",
                  .target = "/api/cloud/jobs/" + job + "/logs/stream",
                  .peer = peer});
  }

  stream_recorder::stream& of(uint64_t id) {
    REQUIRE(streamer->streams.count(id) == 1);
    return streamer->streams[id];
  }
};

} // namespace

// -- whole --------------------------------------------------------------------

TEST_CASE_METHOD(logs_fixture, "logs are the longer of ours and the provider's",
                 "[http_gateway][L3][W5]") {
  here = "one\n";
  there = "one\ntwo\n";
  CHECK(get("/api/cloud/jobs/j1/logs")
        == json{{"job_id", "j1"}, {"logs", "one\ntwo\n"}});
  REQUIRE(asked_there.size() == 1);
  CHECK(asked_there[0].with_logs);
  CHECK(asked_there[0].external_id == "x1");
  CHECK(asked_there[0].hardware_profile == "h100-x8");
  CHECK(asked_there[0].ctx.correlation_id == "corr-job");
  CHECK(asked_here[0].ctx.correlation_id == "corr-1");
  there = "";
  CHECK(get("/api/cloud/jobs/j1/logs")["logs"] == "one\n");
}

TEST_CASE_METHOD(logs_fixture, "the provider is asked only if it can know more",
                 "[http_gateway]") {
  here = "done\n";
  is_final = true;
  CHECK(get("/api/cloud/jobs/j1/logs")["logs"] == "done\n");
  is_final = false;
  stored.external_id = "";
  CHECK(get("/api/cloud/jobs/j1/logs")["logs"] == "done\n");
  CHECK(asked_there.empty());
}

TEST_CASE_METHOD(logs_fixture, "a provider that fails costs what it would add",
                 "[http_gateway]") {
  log_capture lines;
  here = "one\n";
  provider_refusal = make_error(ec::provider_timeout, "slow");
  CHECK(get("/api/cloud/jobs/j1/logs")["logs"] == "one\n");
  const auto access = lines.lines_with("HTTP request");
  REQUIRE(access.size() == 1);
  CHECK(access[0].correlation_id == "corr-1");
}

TEST_CASE_METHOD(logs_fixture, "logs are for those who see the job",
                 "[http_gateway]") {
  refusal = make_error(ec::permission_denied, "another's");
  for (const auto* path : {"logs", "logs/stream", "inline-progress"})
    check_error(call("GET", std::string{"/api/cloud/jobs/j1/"} + path), 403,
                "permission_denied");
  CHECK(asked_there.empty());
  CHECK(gate->streams() == 0);
}

TEST_CASE_METHOD(logs_fixture, "progress is read from the log",
                 "[http_gateway]") {
  there = "Preprocessing\nTraining\nstep 5/20 loss=0.1\n\xff\n";
  CHECK(get("/api/cloud/jobs/j1/inline-progress")
        == json{{"job_id", "j1"},
                {"stage", "Training"},
                {"last_log", "\xef\xbf\xbd"},
                {"progress", 25}});
  there = "";
  const auto none = get("/api/cloud/jobs/j1/inline-progress");
  for (const auto* key : {"stage", "last_log", "progress"})
    CHECK(none[key].is_null());
}

// -- followed -----------------------------------------------------------------

TEST_CASE_METHOD(logs_fixture, "a stream follows the log until the job is over",
                 "[http_gateway][L3]") {
  there = "one\ntw";
  const auto id = open();
  const auto& stream = of(id);
  CHECK(stream.head.content_type == "text/event-stream");
  CHECK(header(stream.head.headers, "X-Correlation-ID") == "corr-1");
  CHECK(stream.text == "data: one\n\n");
  CHECK(gate->streams() == 1);
  there = "one\ntwo\nthree\n";
  advance(1900ms);
  CHECK(stream.text == "data: one\n\n");
  advance(200ms);
  CHECK(stream.text == "data: one\n\ndata: two\n\ndata: three\n\n");
  CHECK(asked_there.back().ctx.correlation_id == "corr-job");
  CHECK(asked_here.back().ctx.correlation_id == "corr-1");
  stored.status = job_status::completed;
  there = "one\ntwo\nthree\nfour";
  advance(2s);
  CHECK(stream.text.ends_with(
    "data: three\n\ndata: four\n\nevent: done\ndata: completed\n\n"));
  CHECK(stream.ended);
  CHECK(gate->size() == 0);
  CHECK(streamer->replies.count(id) == 0);
  const auto asked_before = asked_here.size();
  advance(10s);
  CHECK(asked_here.size() == asked_before);
}

TEST_CASE_METHOD(logs_fixture, "the stream of a job that is over ends at once",
                 "[http_gateway]") {
  here = "one\r10%\r20%\n";
  is_final = true;
  stored.status = job_status::failed;
  const auto& stream = of(open());
  CHECK(stream.text
        == "data: one\n\ndata: 10%\n\ndata: 20%\n\n"
           "event: done\ndata: failed\n\n");
  CHECK(stream.ended);
  CHECK(asked_there.empty());
}

TEST_CASE_METHOD(logs_fixture, "a quiet stream has a heartbeat",
                 "[http_gateway]") {
  const auto& stream = of(open());
  advance(14s);
  CHECK(stream.text.empty());
  advance(3s);
  CHECK(stream.text == ": heartbeat\n\n");
  advance(16s);
  CHECK(stream.text == ": heartbeat\n\n: heartbeat\n\n");
}

TEST_CASE_METHOD(logs_fixture, "nobody is asked for a client that has gone",
                 "[http_gateway]") {
  const auto id = open();
  of(id).listener(stream_change::gone);
  settle();
  CHECK(gate->streams() == 0);
  const auto asked_before = asked_here.size();
  advance(20s);
  CHECK(asked_here.size() == asked_before);
}

TEST_CASE_METHOD(logs_fixture, "a client that does not read is not asked for",
                 "[http_gateway]") {
  streamer->is_reading = false;
  for (int i = 0; i < 20'000; ++i)
    there += "line " + std::to_string(i) + "\n";
  auto& stream = of(open());
  CHECK(stream.text.empty());
  stream.listener(stream_change::taken);
  settle();
  CHECK(stream.parts == 1);
  CHECK(stream.text.size() < 70'000);
  const auto asked_before = asked_here.size();
  advance(60s);
  CHECK(stream.parts == 1);
  CHECK(asked_here.size() == asked_before);
  streamer->is_reading = true;
  stream.listener(stream_change::taken);
  settle();
  CHECK(stream.text.ends_with("data: line 19999\n\n"));
}

TEST_CASE_METHOD(logs_fixture, "trouble on the way is waited for",
                 "[http_gateway]") {
  auto& stream = of(open());
  refusal = make_error(ec::worker_restarting, "");
  advance(4s);
  CHECK(!stream.ended);
  refusal = caf::none;
  there = "one\n";
  advance(2s);
  CHECK(stream.text == "data: one\n\n");
  refusal = make_error(ec::job_not_found, "deleted");
  advance(3s);
  CHECK(stream.ended);
  CHECK(stream.text == "data: one\n\n");
}

TEST_CASE_METHOD(logs_fixture, "a stream ends after six hours",
                 "[http_gateway]") {
  const auto& stream = of(open());
  advance(6h - 1min, 30s);
  CHECK(!stream.ended);
  advance(2min, 30s);
  CHECK(stream.ended);
  CHECK(stream.text.find("event: done") == std::string::npos);
}

TEST_CASE_METHOD(logs_fixture, "there are at most 64 streams",
                 "[http_gateway]") {
  std::vector<uint64_t> ids;
  for (int i = 0; i < 64; ++i)
    ids.push_back(open("j1", "10.0.0." + std::to_string(i / 8)));
  CHECK(gate->streams() == 64);
  check_error(call("GET", "/api/cloud/jobs/j1/logs/stream"), 503,
              "service_unavailable");
  of(ids[7]).listener(stream_change::gone);
  settle();
  open();
  CHECK(gate->streams() == 64);
}

TEST_CASE_METHOD(logs_fixture, "a client has at most eight streams",
                 "[http_gateway][E3]") {
  std::vector<uint64_t> ids;
  for (int i = 0; i < 8; ++i)
    ids.push_back(open());
  const auto reply = call("GET", "/api/cloud/jobs/j1/logs/stream");
  check_error(reply, 503, "service_unavailable");
  CHECK(!header(reply.headers, "Retry-After").empty());
  open("j1", "10.0.0.1");
  CHECK(gate->streams() == 9);
  of(ids[3]).listener(stream_change::gone);
  settle();
  open();
  CHECK(gate->streams() == 9);
}

TEST_CASE_METHOD(logs_fixture, "who has lost its token loses its stream",
                 "[http_gateway][E2]") {
  const auto& stream = of(open());
  config::auth rules;
  rules.rate_limit_calls = 7; // of no concern to who may call
  settings.auth.set(rules);
  advance(3s);
  CHECK(!stream.ended);
  rules.tokens = {{.name = "a", .sha256 = "1"}};
  settings.auth.set(rules);
  advance(3s);
  CHECK(stream.ended);
  CHECK(stream.text.find("event: done") == std::string::npos);
}

TEST_CASE_METHOD(logs_fixture, "streams end with the gateway that opened them",
                 "[http_gateway][L6]") {
  const auto& stream = of(open());
  crash();
  CHECK(stream.ended);
  CHECK(gate->size() == 0);
  const auto asked_before = asked_here.size();
  advance(10s);
  CHECK(asked_here.size() == asked_before);
}

TEST_CASE_METHOD(gateway_fixture, "a server without streams says so",
                 "[http_gateway]") {
  more_of_store = caf::message_handler{[this](const get_job_logs& x) {
    return job_logs_found{x.ctx, stored, "one\n", true};
  }};
  server->can_stream = false;
  start();
  const auto id
    = begin({.method = "GET", .target = "/api/cloud/jobs/j1/logs/stream"});
  REQUIRE(server->replies[id].size() == 1);
  CHECK(server->replies[id][0].status == 501);
  CHECK(gate->size() == 0);
}
