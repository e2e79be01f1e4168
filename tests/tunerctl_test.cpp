#include "runtime/tunerctl/sse_parser.hpp"
#include "runtime/tunerctl/table.hpp"
#include "runtime/tunerctl/timeline.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <random>
#include <vector>

using namespace tunerd::tunerctl;

namespace {

std::vector<std::string> events_of(sse_parser& parser, std::string_view bytes) {
  std::vector<std::string> result;
  parser.feed(bytes, [&result](const sse_event& e) {
    result.push_back(e.id + "|" + e.type + "|" + e.data);
  });
  return result;
}

} // namespace

TEST_CASE("the stream parser reads events however they are cut", "[tunerctl]") {
  const std::string stream = "retry: 3000\n\n:comment\nid: 1\ndata: {\"a\":1}"
                             "\n\nid: 2\r\nevent: gap\r\ndata: x\r\ndata: y"
                             "\r\n\r\nid: 3\n\n";
  sse_parser whole;
  const auto expected = events_of(whole, stream);
  CHECK(expected == std::vector<std::string>{"1||{\"a\":1}", "2|gap|x\ny"});
  CHECK(whole.last_id() == "3");
  std::mt19937 random{7};
  for (int round = 0; round < 1000; ++round) {
    sse_parser parser;
    std::vector<std::string> seen;
    for (size_t i = 0; i < stream.size();) {
      const auto count = std::min<size_t>(random() % 9 + 1, stream.size() - i);
      for (auto& e : events_of(parser, stream.substr(i, count)))
        seen.push_back(std::move(e));
      i += count;
    }
    REQUIRE(seen == expected);
  }
}

TEST_CASE("a table is aligned and cannot steer the terminal", "[tunerctl]") {
  const auto rows = nlohmann::json::parse(
    R"([{"a": "long value", "b": 1}, {"a": null, "b": "x\u001b[2J"}])");
  CHECK(render_table({{"A", "a"}, {"B", "b"}}, rows)
        == "A           B\nlong value  1\n-           x [2J\n");
}

TEST_CASE("a trace is one list in order of time", "[tunerctl]") {
  const auto trace = nlohmann::json::parse(R"({
    "correlation_id": "abc",
    "jobs": [{"job_id": "j1", "status": "completed", "created_at": "T1",
              "provider": "replicate", "user_id": 7}],
    "attempts": [{"id": 1, "job_id": "j1", "attempt": 1, "state": "accepted",
                  "claimed_at": "T3", "closed_at": "T5",
                  "external_id": "p1"}],
    "approvals": [{"id": 5, "job_id": "j1", "status": "approved",
                   "reason": "dear", "created_at": "T1", "reviewed_by": "ann",
                   "reviewed_at": "T2", "expires_at": null}],
    "events": [{"id": 9, "timestamp": "T6", "type": "job_status_changed",
                "job_id": "j1", "data": {"status": "running"}}],
    "audit": [{"timestamp": "T2", "user_id": "ann", "token": null,
               "action": "approval.approve", "subject": "5",
               "details": "x\u001b[2J"}],
    "log": {"file": true, "truncated": true, "lines": [
      {"timestamp": "T4", "level": "INFO", "logger": "simpletuner.cloud.queue",
       "message": "Dispatching\u001b", "fields": {"job_id": "j1", "n": 2}}]}
  })");
  CHECK(timeline(trace)
        == "T1  job       j1  submitted  provider=replicate  user_id=7"
           "  now=completed\n"
           "T1  approval  j1  requested  id=5  reason=dear  now=approved\n"
           "T2  approval  j1  approved  id=5  reviewed_by=ann\n"
           "T2  audit     5  approval.approve  user_id=ann  details=x [2J\n"
           "T3  attempt   j1  claimed  attempt=1\n"
           "T4  INFO      simpletuner.cloud.queue  Dispatching   job_id=j1"
           "  n=2\n"
           "T5  attempt   j1  closed  attempt=1  state=accepted"
           "  external_id=p1\n"
           "T6  event     j1  job_status_changed  id=9  status=running\n"
           "(log: there may be more lines than these)\n");
  CHECK(timeline(nlohmann::json::object())
        == "nothing is known under this id\n");
}
