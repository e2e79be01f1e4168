#include "actors/log_reader/log_reader.hpp"

#include "tests/deterministic.hpp"

#include <caf/event_based_actor.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

std::string json_line(const std::string& id, const std::string& message,
                      const std::string& extra = "{}") {
  return R"({"timestamp": "2024-01-15T10:30:00.000Z", "level": "INFO", )"
         R"("logger": "simpletuner.cloud.jobs", "message": )"
         + nlohmann::json(message).dump() + R"(, "correlation_id": ")" + id
         + R"(", "source": {"file": "a.cpp", "line": 1, "function": "f"}, )"
         + R"("extra": )" + extra + "}\n";
}

std::string text_line(const std::string& id, const std::string& message) {
  return "2024-01-15 10:30:00 [INFO] simpletuner.cloud.jobs (" + id
         + "): " + message + "\n";
}

std::vector<std::string> messages(const std::vector<log_entry>& lines) {
  std::vector<std::string> result;
  for (const auto& x : lines)
    result.push_back(x.message);
  return result;
}

std::vector<std::string> find(const std::string& text, const std::string& id) {
  std::vector<log_entry> lines;
  log_search{id}(text, [&](log_entry x) {
    lines.push_back(std::move(x));
    return true;
  });
  return messages(lines);
}

/// A log file in a directory of its own.
struct log_files {
  log_files() {
    auto name
      = (std::filesystem::temp_directory_path() / "tunerd-log-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    dir = name;
    file = dir + "/cloud.log";
  }
  ~log_files() {
    std::filesystem::remove_all(dir);
  }
  void write(const std::string& suffix, const std::string& text) const {
    std::ofstream{file + suffix, std::ios::app} << text;
  }
  std::string dir, file;
};

log_lines_found scan_all(log_scan& scan) {
  while (scan.step()) {
  }
  log_lines_found result{.ctx = {}};
  result.lines = scan.take();
  result.truncated = scan.truncated();
  return result;
}

log_lines_found scan_all(const log_files& files, log_scan_limits limits = {}) {
  log_scan scan{files.file, "abc", limits};
  return scan_all(scan);
}

struct reader_fixture : test::deterministic, log_files {
  std::string named = file;
  log_reader_settings settings{.file = [this] { return named; }};
  log_reader_actor aut;

  void start() {
    aut = spawn(log_reader, settings);
  }
  log_lines_found search() {
    return ask<log_lines_found>(aut, find_log_lines{{"corr-1"}, "abc"});
  }
};

} // namespace

// -- lines --------------------------------------------------------------------

TEST_CASE("a line of the log is taken apart", "[log_reader]") {
  auto text = json_line("abc", "hello", R"({"job_id": "j1", "n": 2})");
  text.pop_back();
  const auto json = parse_log_line(text, "abc");
  REQUIRE(json);
  CHECK(json->time == "2024-01-15T10:30:00.000Z");
  CHECK(json->level == "INFO");
  CHECK(json->logger == "simpletuner.cloud.jobs");
  CHECK(json->message == "hello");
  CHECK(json->fields == R"({"job_id":"j1","n":2})");
  const auto plain = parse_log_line(
    "2024-01-15 10:30:00 [ERROR] simpletuner.cloud.jobs (abc): a (b): c",
    "abc");
  REQUIRE(plain);
  CHECK(plain->time == "2024-01-15T10:30:00.000Z");
  CHECK(plain->level == "ERROR");
  CHECK(plain->message == "a (b): c");
  CHECK(plain->fields == "{}");
  CHECK(!parse_log_line(text, "ab"));
  for (const auto* other : {"", "{", "{}", "[]", "x (abc): y",
                            "2024-01-15 [INFO] a (abc): b", "INFO] a (abc): b"})
    CHECK(!parse_log_line(other, "abc"));
}

TEST_CASE("an exception is one of the fields", "[log_reader]") {
  const auto x = parse_log_line(
    R"({"correlation_id": "abc", "extra": {"a": 1}, "exception": "disk"})",
    "abc");
  REQUIRE(x);
  CHECK(x->fields == R"({"a":1,"exception":"disk"})");
}

TEST_CASE("a huge line is cut and stays valid", "[log_reader]") {
  std::string big;
  for (int i = 0; i < 40'000; ++i)
    big += "\xc3\xa4";
  auto line = json_line("abc", "x" + big, R"({"a": ")" + big + R"("})");
  line.pop_back();
  const auto x = parse_log_line(line, "abc");
  REQUIRE(x);
  CHECK(x->message.size() < 64 * 1024 + 8);
  CHECK(nlohmann::json::accept(nlohmann::json(x->message).dump()));
  CHECK(x->fields.find("bytes_left_out") != std::string::npos);
}

TEST_CASE("only lines of the very id are found", "[log_reader][L1]") {
  // Texts that look like the id where it is not the id.
  const auto text
    = json_line("abc", "1") + json_line("abcd", "no") + json_line("xabc", "no")
      + json_line("other", R"("correlation_id": "abc")")
      + json_line("other", "no", R"({"correlation_id": "abc"})")
      + text_line("abc", "2") + text_line("other", "see (abc): no")
      + "garbage \"correlation_id\": \"abc\"\n" + json_line("abc", "3")
      + json_line("abc", "4", R"({"correlation_id": "abc"})");
  CHECK(find(text, "abc") == std::vector<std::string>{"1", "2", "3", "4"});
  CHECK(find(text, "nothing").empty());
  CHECK(find("", "abc").empty());
  CHECK(find(text.substr(0, text.size() - 1), "abc").size() == 4);
}

TEST_CASE("a search finds what a look at each line finds", "[log_reader]") {
  constexpr unsigned seed = 11;
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const std::vector<std::string> ids{"abc", "abcd", "ab", "a:c", "-"};
  for (int round = 0; round < 1'000; ++round) {
    std::string text;
    std::vector<std::string> expected;
    for (auto n = random() % 12; n > 0; --n) {
      const auto& id = ids[random() % ids.size()];
      const auto message = std::to_string(random() % 100);
      switch (random() % 4) {
        case 0: text += json_line(id, message); break;
        case 1: text += text_line(id, message); break;
        case 2: text += "(abc): \"correlation_id\": \"abc\"\n"; continue;
        default: text += "\n"; continue;
      }
      if (id == "abc")
        expected.push_back(message);
    }
    REQUIRE(find(text, "abc") == expected);
  }
}

// -- files --------------------------------------------------------------------

TEST_CASE_METHOD(log_files, "rotated files are read, the oldest first",
                 "[log_reader]") {
  write(".3", json_line("abc", "lost, a gap of two ends the series"));
  write(".2", json_line("abc", "1") + json_line("x", "no"));
  write(".1", json_line("abc", "2"));
  write("", json_line("abc", "3") + json_line("abc", "4"));
  CHECK(messages(scan_all(*this).lines).size() == 5);
  std::filesystem::remove(file + ".2");
  CHECK(messages(scan_all(*this).lines).size() == 4); // one gap: a rotation
  std::filesystem::remove(file + ".1");
  CHECK(messages(scan_all(*this).lines) == std::vector<std::string>{"3", "4"});
  CHECK(!scan_all(*this).truncated);
}

TEST_CASE_METHOD(log_files, "pieces of any size find the same lines",
                 "[log_reader]") {
  std::string text;
  for (int i = 0; i < 50; ++i)
    text += json_line(i % 3 == 0 ? "abc" : "x", std::to_string(i));
  write(".1", text);
  write("", text + R"({"correlation_id": "abc", "message": "torn)");
  const auto expected = messages(scan_all(*this).lines);
  CHECK(expected.size() == 34);
  for (const size_t piece : {1, 7, 100, 211, 4'096}) {
    INFO(piece);
    CHECK(messages(scan_all(*this, {.piece = piece}).lines) == expected);
  }
}

TEST_CASE_METHOD(log_files, "a rotation meanwhile hides and doubles nothing",
                 "[log_reader]") {
  write(".1", json_line("abc", "1"));
  write("", json_line("abc", "2"));
  log_scan scan{file, "abc"};
  std::filesystem::rename(file + ".1", file + ".2");
  std::filesystem::rename(file, file + ".1");
  write("", json_line("abc", "later"));
  CHECK(messages(scan_all(scan).lines) == std::vector<std::string>{"1", "2"});
  // One that is found under two names is read once.
  std::filesystem::create_hard_link(file + ".1", file + ".3");
  CHECK(messages(scan_all(*this).lines)
        == std::vector<std::string>{"1", "2", "later"});
}

TEST_CASE_METHOD(log_files, "what has no room is said to be missing",
                 "[log_reader]") {
  for (const auto* suffix : {".2", ".1", ""})
    write(suffix, json_line("abc", suffix) + json_line("abc", suffix));
  CHECK(!scan_all(*this, {.lines = 6}).truncated);
  const auto few = scan_all(*this, {.lines = 3});
  CHECK(few.truncated);
  CHECK(messages(few.lines) == std::vector<std::string>{".1", "", ""});
  const auto small = scan_all(*this, {.bytes = 120});
  CHECK(small.truncated);
  CHECK(small.lines.size() == 2);
  const auto files = scan_all(*this, {.files = 2});
  CHECK(files.truncated);
  CHECK(files.lines.size() == 4);
}

TEST_CASE_METHOD(log_files, "what is no file is not read", "[log_reader]") {
  for (const std::string& path :
       {std::string{"/dev/zero"}, dir, dir + "/none", std::string{}}) {
    log_scan scan{path, "abc"};
    const auto found = scan_all(scan);
    CHECK(found.lines.empty());
    CHECK(!found.truncated);
  }
}

// -- the actor ----------------------------------------------------------------

TEST_CASE_METHOD(reader_fixture, "the reader finds lines of the named file",
                 "[log_reader][L3]") {
  start();
  write("", json_line("abc", "one"));
  const auto found = search();
  CHECK(found.ctx.correlation_id == "corr-1");
  CHECK(found.has_file);
  CHECK(!found.truncated);
  CHECK(messages(found.lines) == std::vector<std::string>{"one"});
  named = dir + "/other.log"; // as a reload may say
  CHECK(search().lines.empty());
  named = "";
  CHECK(!search().has_file);
}

TEST_CASE_METHOD(reader_fixture, "a search ends when its time is up",
                 "[log_reader]") {
  for (const auto* suffix : {".1", ""})
    write(suffix, json_line("abc", suffix));
  settings.search_max = 0s;
  start();
  const auto found = search();
  CHECK(found.truncated);
  CHECK(messages(found.lines) == std::vector<std::string>{""});
}

TEST_CASE_METHOD(reader_fixture, "one search at a time, and few may wait",
                 "[log_reader]") {
  write("", json_line("abc", "one"));
  start();
  std::vector<std::string> answers;
  auto asker = sys.spawn([&](caf::event_based_actor* me) {
    for (int i = 0; i < 10; ++i)
      me->request(aut, 1min, find_log_lines{{"corr-1"}, "abc"})
        .then(
          [&](const log_lines_found& x) {
            answers.push_back(std::to_string(x.lines.size()));
          },
          [&](const caf::error& err) {
            answers.push_back(to_string(code_of(err)));
          });
  });
  settle();
  REQUIRE(answers.size() == 10);
  CHECK(std::count(answers.begin(), answers.end(), "1") == 8);
  CHECK(std::count(answers.begin(), answers.end(), "overloaded") == 2);
  CHECK(search().lines.size() == 1); // there is room again
}

TEST_CASE_METHOD(reader_fixture, "who waited too long is refused",
                 "[log_reader]") {
  write("", json_line("abc", "one"));
  settings.wait_max = -1s; // any wait is too long
  start();
  CHECK(
    code_of(ask_error<log_lines_found>(aut, find_log_lines{{"corr-1"}, "abc"}))
    == ec::overloaded);
}
