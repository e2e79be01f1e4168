#include "actors/http_gateway/log_progress.hpp"
#include "actors/http_gateway/log_tail.hpp"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <random>
#include <vector>

using namespace tunerd::rest;

namespace {

constexpr unsigned seed = 20240116;

/// Fails on what is not UTF-8.
bool is_utf8(const std::string& text) {
  try {
    (void)nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

size_t characters(const std::string& text) {
  return static_cast<size_t>(
    std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<uint8_t>(c) & 0xc0) != 0x80;
    }));
}

std::string random_log(std::mt19937& random, size_t parts_max) {
  static const std::vector<std::string> parts{"\n",
                                              "\r",
                                              "\r\n",
                                              " ",
                                              "step",
                                              "Epoch",
                                              ": ",
                                              "1",
                                              "99999999999999999999",
                                              "/",
                                              "0",
                                              "7",
                                              "Training",
                                              "saving checkpoint",
                                              "data: x",
                                              "\xc3\xa9",
                                              "\xf0\x9f\x98\x80",
                                              "\xff",
                                              std::string(1, '\0'),
                                              "\x1b[0m",
                                              "\t",
                                              "word",
                                              std::string(200, 'y')};
  std::string out;
  for (auto i = random() % (parts_max + 1); i > 0; --i)
    out += parts[random() % parts.size()];
  return out;
}

/// What a stream says: its `data:` lines, in order.
std::vector<std::string> lines_of(const std::string& sse) {
  std::vector<std::string> out;
  for (size_t at = 0; at < sse.size();) {
    const auto end = sse.find("\n\n", at);
    REQUIRE(end != sse.npos);
    const auto event = sse.substr(at, end - at);
    REQUIRE(event.starts_with("data: "));
    REQUIRE(event.find_first_of("\r\n") == event.npos);
    out.push_back(event.substr(6));
    at = end + 2;
  }
  return out;
}

} // namespace

// -- progress -----------------------------------------------------------------

TEST_CASE("the newest line that names a stage says it", "[log_progress]") {
  const auto stage
    = [](std::string_view logs) { return read_progress(logs).stage; };
  CHECK(stage("Preprocessing images\nWarmup\nloss 0.1").compare("Warmup") == 0);
  CHECK(stage("TRAINING started\nstep 1/2\n") == "Training");
  CHECK(stage("Running validation...") == "Validation");
  CHECK(stage("training\r\nSaving checkpoint-500\r\n") == "Saving checkpoint");
  CHECK(stage("Validation during training") == "Validation");
  CHECK(stage("constraining\nretraining\ntrainings") == "");
  CHECK(stage("") == "");
}

TEST_CASE("the percentage is that of the newest step or epoch",
          "[log_progress]") {
  const auto percent
    = [](std::string_view logs) { return read_progress(logs).percent; };
  CHECK(percent("step 1/4\nStep 50/200\nloss") == 25);
  CHECK(percent("Epoch 3/10, step: 5 / 20") == 25);
  CHECK(percent("epoch=1/2") == 50);
  CHECK(percent("step [7/7]") == 100);
  CHECK(percent("step 9/7") == 100);
  CHECK(percent("step 0/7") == 0);
  CHECK(percent("10% step 5/10\r20% step 6/10\r") == 60);
  CHECK(!percent("step 1/0"));
  CHECK(!percent("step 5 of 10"));
  CHECK(!percent("footstep 5/10"));
  CHECK(!percent("5/10"));
  CHECK(!percent("step -5/10"));
  CHECK(percent("step 99999999999999999998/99999999999999999999") == 100);
  CHECK(percent("step 1/99999999999999999999") == 0);
  CHECK(percent("step 500000000000000000/999999999999999999") == 50);
}

TEST_CASE("the last line is the newest that says something", "[log_progress]") {
  const auto last
    = [](std::string_view logs) { return read_progress(logs).last_line; };
  CHECK(last("a\n  b c \n\n \t\r\n") == "b c");
  CHECK(last("10%\r20%\r") == "20%");
  CHECK(last("\n\n") == "");
  CHECK(last(std::string(500, 'x')) == std::string(80, 'x'));
  std::string accents;
  for (int i = 0; i < 100; ++i)
    accents += "\xc3\xa9";
  CHECK(last(accents) == accents.substr(0, 160));
  CHECK(last("a\x1b[31mred\x1b[0m") == "a[31mred[0m");
}

TEST_CASE("no log makes the progress nonsense", "[log_progress]") {
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (int i = 0; i < 5000; ++i) {
    const auto logs = random_log(random, 30);
    const auto x = read_progress(logs);
    if (x.percent && (*x.percent < 0 || *x.percent > 100))
      FAIL("percent " << *x.percent << " of " << nlohmann::json(logs));
    if (!is_utf8(x.last_line) || characters(x.last_line) > 80
        || x.last_line.find_first_of("\r\n") != std::string::npos)
      FAIL("last line of " << logs);
  }
}

TEST_CASE("a long log of one kind is read in linear time", "[log_progress]") {
  for (const std::string part :
       {"step ", "\r", "step 1/", "train", "step 1/0 "}) {
    std::string logs;
    while (logs.size() < 64 * 1024)
      logs += part;
    CHECK(!read_progress(logs).percent);
  }
}

// -- the tail -----------------------------------------------------------------

TEST_CASE("each line is one event, whatever ends it", "[log_tail]") {
  log_tail tail;
  tail.update("one\ntwo\r\nthree\rfour\n\nsix");
  CHECK(lines_of(tail.next(1'000'000, false))
        == std::vector<std::string>{"one", "two", "three", "four", ""});
  CHECK(tail.next(1'000'000, false).empty());
  CHECK(lines_of(tail.next(1'000'000, true))
        == std::vector<std::string>{"six"});
  CHECK(tail.next(1'000'000, true).empty());
}

TEST_CASE("a line is sent when it has ended, once", "[log_tail]") {
  log_tail tail;
  tail.update("on");
  CHECK(tail.next(1'000, false).empty());
  tail.update("one\r");
  CHECK(tail.next(1'000, false).empty()); // a \n may follow
  tail.update("one\r\ntwo\n");
  CHECK(tail.next(1'000, false) == "data: one\n\ndata: two\n\n");
  tail.update("one\r\ntwo\n");
  CHECK(tail.next(1'000, true).empty());
}

TEST_CASE("a log that lost its end or beginning repeats nothing",
          "[log_tail]") {
  log_tail tail;
  tail.update("a\nb\nc\n");
  tail.next(1'000, false);
  tail.update("a\nb\n");
  CHECK(tail.next(1'000, true).empty());
  tail.update("");
  CHECK(tail.next(1'000, true).empty());
  tail.update("c\n");
  CHECK(tail.next(1'000, true).empty());
  tail.update("b\nc\nd\n");
  CHECK(tail.next(1'000, true) == "data: d\n\n");
}

TEST_CASE("bad UTF-8 is replaced and other characters stay", "[log_tail]") {
  log_tail tail;
  tail.update("a\xff"
              "b\t\x1b[0m\xc3\xa9\n");
  CHECK(tail.next(1'000, false)
        == "data: a\xef\xbf\xbd"
           "b\t\x1b[0m\xc3\xa9\n\n");
}

TEST_CASE("long lines are broken and portions bounded", "[log_tail]") {
  log_tail tail;
  std::string text = std::string(16 * 1024 - 1, 'x') + "\xc3\xa9yz\nend\n";
  tail.update(text);
  const auto lines = lines_of(tail.next(1'000'000, false));
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].size() == 16 * 1024 - 1);
  CHECK(lines[1] == "\xc3\xa9yz");
  log_tail many;
  many.update(std::string(1000, '\n'));
  CHECK(many.next(10, false).size() < 20);
}

TEST_CASE("a window that moves over a log gives each line once", "[log_tail]") {
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (int round = 0; round < 300; ++round) {
    std::string whole;
    log_tail tail, at_once;
    std::string seen;
    size_t number = 0;
    for (int i = 0; i < 20; ++i) {
      for (auto n = random() % 4; n > 0; --n)
        whole += "line " + std::to_string(++number)
                 + (random() % 2 == 0 ? "\n" : "\r\n");
      if (random() % 3 == 0)
        whole += "part";
      // It overlaps what was seen: less than 4 lines are added at a time.
      const auto window = std::min<size_t>(whole.size(), 100);
      tail.update(whole.substr(whole.size() - window));
      seen += tail.next(random() % 50 + 1, false);
      seen += tail.next(1'000'000, false);
    }
    seen += tail.next(1'000'000, true);
    at_once.update(whole);
    if (lines_of(seen) != lines_of(at_once.next(10'000'000, true)))
      FAIL("round " << round);
  }
}

TEST_CASE("no log breaks out of its event", "[log_tail]") {
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (int i = 0; i < 1500; ++i) {
    log_tail tail;
    std::string seen;
    for (int step = 0; step < 3; ++step) {
      tail.update(random_log(random, 20));
      seen += tail.next(random() % 300, random() % 4 == 0);
    }
    seen += tail.next(1'000'000, true);
    for (const auto& line : lines_of(seen))
      if (!is_utf8(line))
        FAIL("not UTF-8 in round " << i);
  }
}

TEST_CASE("two windows on repetitive text are compared in linear time",
          "[log_tail]") {
  log_tail tail;
  tail.update(std::string(64 * 1024, 'a') + "b\n");
  tail.next(10'000'000, false);
  tail.update(std::string(32 * 1024, 'a') + "b\nc\n");
  CHECK(tail.next(1'000, false) == "data: c\n\n");
}
