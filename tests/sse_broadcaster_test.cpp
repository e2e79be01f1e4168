#include "tests/sse_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;

TEST_CASE_METHOD(sse_fixture, "a live stream gets what is appended from now on",
                 "[sse]") {
  append(3);
  start();
  const auto s = open();
  CHECK(read(s) == "connection 3");
  append(2);
  hint();
  CHECK(read(s) == "4, 5");
  hint();
  CHECK(read(s).empty());
}

TEST_CASE_METHOD(sse_fixture, "a lost hint costs a tick, not an event",
                 "[sse][E1]") {
  start();
  const auto s = open();
  append(2);
  run(1s);
  CHECK(read(s) == "connection 0, 1, 2");
}

TEST_CASE_METHOD(sse_fixture, "a burst is read page by page", "[sse][E1]") {
  settings.ring_events = 4'000;
  renew_fanout();
  start();
  const auto s = open();
  append(2'500);
  asked.clear();
  hint();
  CHECK(read(s) == "connection 0" + ids(1, 2'500));
  CHECK(asked.size() == 3);
}

TEST_CASE_METHOD(sse_fixture, "a reconnect is answered from the ring",
                 "[sse][E1]") {
  append(10);
  start();
  const auto s = open("4");
  CHECK(read(s) == "connection 4" + ids(5, 10));
  CHECK(fanout->replays == 0);
  append(1);
  hint();
  CHECK(read(s) == "11");
}

TEST_CASE_METHOD(sse_fixture, "what left the ring is read from the log",
                 "[sse][E1]") {
  append(700);
  start();
  asked.clear();
  const auto s = open("20");
  append(3);
  hint();
  CHECK(read(s) == "connection 20" + ids(21, 703));
  CHECK(fanout->replays > 1);
  REQUIRE(!asked.empty());
  CHECK(asked[0].after == 20);
  CHECK(asked[0].ctx.correlation_id == "corr-9");
}

TEST_CASE_METHOD(sse_fixture, "the log is read no faster than a stream reads",
                 "[sse][E3]") {
  append(2'000);
  start();
  const auto s = open("1", 4'096);
  run(5s);
  CHECK(fanout->replays == 1);
  CHECK(read(s).ends_with(", 2000"));
  CHECK(fanout->replays > 10);
}

TEST_CASE_METHOD(sse_fixture, "what left the log is a gap", "[sse][E1]") {
  append(100);
  log.first = 50;
  start();
  CHECK(read(open("20")) == "connection 20, gap 50" + ids(51, 100));
  CHECK(read(open("50")) == "connection 50" + ids(51, 100));
  log.first = 100;
  CHECK(read(open("60")) == "connection 60, gap 100");
}

TEST_CASE_METHOD(sse_fixture, "an id that nobody gave is a gap", "[sse][E1]") {
  append(5);
  start();
  CHECK(read(open("6")) == "connection 6, gap 5");
  const auto s = open("x");
  CHECK(read(s) == "connection 0, gap 5");
  append(1);
  hint();
  CHECK(read(s) == "6");
}

TEST_CASE_METHOD(sse_fixture, "an id above the ring but in the log is no gap",
                 "[sse][E1]") {
  append(5);
  start();
  append(2); // on another node; our hint is still under way
  const auto s = open("6");
  CHECK(read(s) == "connection 6, 7");
  run(2s);
  append(1);
  hint();
  CHECK(read(s) == "8");
}

TEST_CASE_METHOD(sse_fixture, "a page that comes too late is not waited for",
                 "[sse][E1]") {
  append(5);
  start();
  append(2);
  failure = make_error(ec::database_error, "locked");
  const auto s = open("6"); // asks, and is covered before it is answered
  failure = caf::none;
  run(1s);
  append(100); // more than the ring holds: it has to ask again
  hint();
  CHECK(read(s) == "connection 6, 7" + ids(8, 107));
}

TEST_CASE_METHOD(sse_fixture, "internal events move cursors and are not seen",
                 "[sse]") {
  settings.heartbeat = 1s;
  renew_fanout();
  start();
  const auto s = open();
  append(3, "queue_changed");
  hint();
  CHECK(read(s) == "connection 0");
  run(1s);
  CHECK(read(s) == "heartbeat 3");
}

TEST_CASE_METHOD(sse_fixture, "an unreadable log is asked again", "[sse]") {
  failure = make_error(ec::database_error, "disk on fire");
  append(3);
  start();
  const auto s = open("1");
  CHECK(read(s).empty());
  failure = caf::none;
  run(1s);
  CHECK(read(s) == "connection 1, 2, 3");
}

TEST_CASE_METHOD(sse_fixture,
                 "streams outlive the actor without loss or repeat",
                 "[sse][E1]") {
  append(5);
  start();
  const auto s = open("3");
  crash();
  append(5);
  start();
  CHECK(read(s) == "connection 3" + ids(4, 10));
  append(1);
  hint();
  CHECK(read(s) == "11");
}

TEST_CASE_METHOD(sse_fixture, "a new incarnation meets open demands",
                 "[sse][E1]") {
  append(100);
  start();
  failure = make_error(ec::database_error, "locked");
  const auto s = open("1");
  crash();
  failure = caf::none;
  start();
  CHECK(read(s) == "connection 1" + ids(2, 100));
}

TEST_CASE_METHOD(sse_fixture, "a restarted daemon knows the newest events",
                 "[sse][E1]") {
  append(100);
  start();
  CHECK(fanout->feed.cursor() == 100);
  CHECK(read(open("84")) == "connection 84" + ids(85, 100));
  CHECK(fanout->replays == 0);
}

TEST_CASE_METHOD(sse_fixture, "a log that was replaced is a gap, not silence",
                 "[sse][E1]") {
  append(100);
  start();
  const auto s = open();
  log = {};
  append(10);
  run(2s);
  CHECK(read(s) == "connection 100, gap 10");
  append(1);
  hint();
  CHECK(read(s) == "11");
}
