#include "actors/sse_broadcaster/sse_encoder.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace tunerd;

namespace {

const timestamp noon{std::chrono::seconds{1'705'314'600}
                     + std::chrono::milliseconds{7}};

event status_changed() {
  return {42,
          noon,
          "job_status_changed",
          "j1",
          "alice",
          "acme",
          "corr-1",
          R"({"status": "running", "previous_status": "queued"})"};
}

/// The parsed data of `frame`; fails unless it is one line before the end.
nlohmann::json data_of(const std::string& frame) {
  const auto begin = frame.find("\ndata: ");
  REQUIRE(begin != std::string::npos);
  const auto end = frame.find('\n', begin + 1);
  REQUIRE(frame.substr(end) == "\n\n");
  return nlohmann::json::parse(frame.substr(begin + 7, end - begin - 7));
}

} // namespace

TEST_CASE("a status change is an unnamed frame with its id", "[sse]") {
  const auto frame = encode(status_changed());
  REQUIRE(frame);
  CHECK(frame->bytes
        == "id: 42\n"
           R"(data: {"type":"job_status_changed","job_id":"j1",)"
           R"("status":"running","previous_status":"queued",)"
           R"("user_id":"alice","org_id":"acme",)"
           R"("timestamp":"2024-01-15T10:30:00.007Z",)"
           R"("correlation_id":"corr-1"})"
           "\n\n");
  CHECK(frame->id == 42);
  CHECK(frame->user_id == "alice");
  CHECK(frame->org_id == "acme");
}

TEST_CASE("frames are named after their type, except two", "[sse]") {
  const std::pair<const char*, const char*> cases[] = {
    {"job_status_changed", ""},
    {"approval_expired", ""},
    {"cloud_job_update", "event: cloud_job_update\n"},
    {"approval_required", "event: approval_required\n"},
    {"approval_decided", "event: approval_decided\n"},
    {"approval_expiring", "event: approval_expiring\n"},
    {"worker_status", "event: worker_status\n"},
  };
  for (const auto& [type, line] : cases) {
    INFO(type);
    const auto frame = encode({7, noon, type});
    REQUIRE(frame);
    CHECK(frame->bytes.find("id: 7\n" + std::string{line} + "data: {") == 0);
    CHECK(data_of(frame->bytes)["type"] == type);
  }
}

TEST_CASE("internal and unknown events have no frame", "[sse][E2]") {
  for (const auto* type :
       {"queue_changed", "limits_changed", "settings_changed", "invented", "",
        "worker_status\ndata: x\r\n"})
    CHECK(!encode({1, noon, type}));
}

TEST_CASE("data is one line of JSON whatever was stored", "[sse]") {
  const std::string deep
    = R"({"x": )" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  const std::string cases[] = {
    R"({"error": "first\nsecond\r\n\nid: 9"})",
    "{\n  \"a\":\n 1\n}",
    "{\"text\": \"\xff\xfe\"}",
    "not json\n\n",
    "",
    "[1, 2]",
    "null",
    deep,
  };
  for (const auto& text : cases) {
    INFO(text.substr(0, 60));
    auto subject = status_changed();
    subject.data = text;
    const auto frame = encode(subject);
    REQUIRE(frame);
    CHECK(data_of(frame->bytes)["job_id"] == "j1");
  }
}

TEST_CASE("neither input nor logs reach a stream", "[sse][E2]") {
  auto subject = status_changed();
  subject.data = R"({"input": {"hf_token": "s3cret"}, "logs": "s3cret",
    "payload": {"id": "p1", "input": "s3cret", "logs": "s3cret"}})";
  const auto bytes = encode(subject)->bytes;
  CHECK(bytes.find("s3cret") == std::string::npos);
  CHECK(data_of(bytes)["payload"]["id"] == "p1");
}

TEST_CASE("stored data cannot forge what the log says", "[sse]") {
  auto subject = status_changed();
  subject.data = R"({"type": "x", "job_id": "j2", "timestamp": 1,
    "correlation_id": "other"})";
  const auto data = data_of(encode(subject)->bytes);
  CHECK(data["type"] == "job_status_changed");
  CHECK(data["job_id"] == "j1");
  CHECK(data["timestamp"] == "2024-01-15T10:30:00.007Z");
  CHECK(data["correlation_id"] == "corr-1");
}

TEST_CASE("our own frames carry the subscriber's id", "[sse]") {
  const auto hello = connection_frame(5);
  CHECK(hello.find("retry: 3000\nid: 5\nevent: connection\ndata: {") == 0);
  CHECK(data_of(hello)["type"] == "connected");

  CHECK(heartbeat_frame(6, noon)
        == "id: 6\nevent: heartbeat\ndata: {\"type\":\"heartbeat\","
           "\"timestamp\":\"2024-01-15T10:30:00.007Z\"}\n\n");

  CHECK(gap_frame({3, 9, gap_reason::expired})
        == "id: 9\nevent: gap\ndata: {\"type\":\"gap\",\"from\":3,\"to\":9,"
           "\"reason\":\"expired\"}\n\n");

  CHECK(retry_hint(1'500) == "retry: 1500\n\n");
}
