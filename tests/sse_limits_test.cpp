#include "tests/sse_fixture.hpp"

#include <algorithm>
#include <cstdlib>

using namespace tunerd;
using namespace tunerd::test;

TEST_CASE_METHOD(sse_fixture, "each stream has one heartbeat per interval",
                 "[sse]") {
  start();
  std::vector<int> streams;
  for (int i = 0; i < 20; ++i)
    streams.push_back(open());
  append(1, "job_status_changed", "bob");
  hint();
  run(30s);
  for (auto s : streams)
    CHECK(read(s) == "connection 0, 1, heartbeat 1, heartbeat 1");
}

TEST_CASE_METHOD(sse_fixture, "a subscriber that does not read is cut",
                 "[sse][E3]") {
  start();
  const auto idle = open("", 200), good = open();
  append(10);
  hint();
  run(29s);
  CHECK(!is_cut(idle));
  CHECK(read(good).starts_with("connection 0" + ids(1, 10)));
  run(3s);
  CHECK(is_cut(idle));
  CHECK(!is_cut(good));
  CHECK(fanout->table.size() == 1);
}

TEST_CASE_METHOD(sse_fixture, "a blocked subscriber the ring overtakes is cut",
                 "[sse][E3]") {
  start();
  const auto idle = open("", 200);
  append(2);
  hint();
  append(40);
  hint();
  run(1s);
  CHECK(is_cut(idle));
  CHECK(read(open("1")) == "connection 1" + ids(2, 42));
}

TEST_CASE_METHOD(sse_fixture, "one stream too many is refused", "[sse][E3]") {
  settings.max_per_client = 2;
  renew_fanout();
  start();
  const auto first = open();
  open();
  const auto third = open();
  CHECK(is_cut(third));
  CHECK(fanout->pipes[2]->bytes == "HTTP/1.1 503 no\n\n");
  fanout->pipes[static_cast<size_t>(first)]->left = true;
  append(1);
  hint();
  CHECK(is_cut(first));
  CHECK(!is_cut(open()));
}

TEST_CASE_METHOD(sse_fixture, "after a stop clients come back one by one",
                 "[sse][E3]") {
  settings.max_per_client = 2'000;
  renew_fanout();
  start();
  std::vector<int> streams;
  for (int i = 0; i < 1'000; ++i)
    streams.push_back(open());
  fanout->table.close_all();
  std::array<int, 5> in_second{};
  for (auto s : streams) {
    const auto& bytes = fanout->pipes[static_cast<size_t>(s)]->bytes;
    REQUIRE(bytes.ends_with("\n\n"));
    const auto wait = std::stoi(bytes.substr(bytes.rfind("retry: ") + 7));
    REQUIRE(wait >= 1'000);
    REQUIRE(wait < 5'000);
    ++in_second[static_cast<size_t>(wait) / 1'000];
  }
  for (size_t i = 1; i < in_second.size(); ++i)
    CHECK(std::abs(in_second[i] - 250) < 5);
}

TEST_CASE_METHOD(sse_fixture, "the metrics follow the streams", "[sse][L5]") {
  settings.max_per_client = 3;
  renew_fanout();
  append(100);
  log.first = 50;
  start();
  CHECK(counts->event_streamed.value() == 100);
  const auto a = open("20"), b = open("x"), idle = open("", 200);
  open();
  CHECK(counts->subscribers.value() == 3);
  CHECK(counts->subscribers_refused.value() == 1);
  read(a);
  read(b);
  CHECK(counts->gaps.value() == 2);
  append(2);
  append(5, "queue_changed");
  hint();
  CHECK(counts->event_streamed.value() == 107); // Nothing is left to stream.
  run(35s);
  CHECK(is_cut(idle));
  CHECK(counts->subscribers_cut.value() == 1);
  fanout->pipes[static_cast<size_t>(a)]->left = true;
  append(1);
  hint();
  CHECK(counts->subscribers.value() == 1);
  fanout->table.close_all();
  CHECK(counts->subscribers.value() == 0);
  CHECK(counts->subscribers_cut.value() == 1);
}
