#include "actors/support/log_cache.hpp"
#include "actors/support/log_escape.hpp"
#include "actors/support/log_line.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>

using namespace tunerd;
using nlohmann::json;

namespace {

using fields = std::vector<log_field>;
using values = std::vector<log_value>;

/// What `append_json` and `append_text` are given, with defaults.
struct line {
  log_text text = "Job submitted successfully";
  values args = {};
  fields own = {};
  std::map<std::string, std::string> scope = {};
  std::string id = "abc123def456";
  log_level level = log_level::info;
  std::string stack = {};

  log_record record() const {
    using namespace std::chrono;
    const sys_time<milliseconds> time
      = sys_days{year{2024} / January / 15} + 10h + 30min + 7ms;
    return {.level = level,
            .logger_name = "simpletuner.cloud.jobs",
            .text = text,
            .args = args,
            .fields = own,
            .scope_fields = scope,
            .correlation_id = id,
            .time = time_point_cast<timestamp::duration>(time),
            .stack = stack};
  }
  std::string to_json() const {
    std::string result;
    append_json(result, record());
    return result;
  }
  std::string to_text() const {
    std::string result;
    append_text(result, record());
    return result;
  }
  json parsed() const {
    return json::parse(to_json());
  }
};

std::string message(log_text text, values args) {
  return line{.text = text, .args = std::move(args)}.parsed()["message"];
}

std::string escaped(std::string_view text,
                    size_t room = std::string_view::npos) {
  std::string result;
  append_escaped(result, text, escape::json, room);
  return result;
}

/// Bytes that are often, but not always, UTF-8.
std::string random_text(std::mt19937_64& random) {
  static const std::string pieces[] = {"a",
                                       "\"",
                                       "\\",
                                       "\n",
                                       "\xc3\xa9",
                                       "\xe2\x82\xac",
                                       "\xe2",
                                       "\x82",
                                       "\xf0\x9f\x92\xa9",
                                       "\xf0\x9f",
                                       "\xed\xa0\x80",
                                       "\xff",
                                       "\xc0",
                                       std::string(1, '\0'),
                                       "\x7f",
                                       "\x1b[31m",
                                       "{}",
                                       "{"};
  std::string result;
  for (auto n = random() % 12; n > 0; --n)
    result += random() % 4 == 0 ? std::string(1, static_cast<char>(random()))
                                : pieces[random() % std::size(pieces)];
  return result;
}

/// The same text as a JSON library reads it.
std::string repaired(const std::string& text) {
  return json::parse(
    json(text).dump(-1, ' ', false, json::error_handler_t::replace));
}

struct place {
  static std::source_location member(int) {
    return std::source_location::current();
  }
  template <class T>
  static std::source_location templated(const T&) {
    return std::source_location::current();
  }
  std::source_location operator()(int) const {
    return std::source_location::current();
  }
};

std::string_view name_at(const std::source_location& where) {
  return base_name_of(where.function_name());
}

} // namespace

TEST_CASE("a JSON line looks as documented", "[log][L2]") {
  const auto at = std::source_location::current();
  line aut{.own = {{"cost_estimate", 2.5}},
           .scope = {{"job_id", "xyz789"}, {"provider", "replicate"}}};
  aut.text = {"Job submitted successfully", at};
  CHECK(aut.to_json()
        == R"({"timestamp": "2024-01-15T10:30:00.007Z", "level": "INFO", )"
           R"("logger": "simpletuner.cloud.jobs", )"
           R"("message": "Job submitted successfully", )"
           R"("correlation_id": "abc123def456", )"
           R"("source": {"file": "log_line_test.cpp", "line": )"
             + std::to_string(at.line()) + R"(, "function": ")"
             + std::string{name_at(at)}
             + R"("}, "extra": {"job_id": "xyz789", )"
               R"("provider": "replicate", "cost_estimate": 2.5}})"
               "\n");
}

TEST_CASE("a text line looks as documented", "[log]") {
  line aut{.text = "two\nlines, {}",
           .args = {"\r\x1b[31m \"red\""},
           .own = {{"job_id", "1"}}};
  aut.level = log_level::warning;
  CHECK(aut.to_text()
        == "2024-01-15 10:30:00 [WARNING] simpletuner.cloud.jobs "
           "(abc123def456): two\\nlines, \\r\\u001b[31m \"red\"\n");
}

TEST_CASE("placeholders take arguments in order", "[log]") {
  CHECK(message("Dispatching job {} to {}", {"j1", "replicate"})
        == "Dispatching job j1 to replicate");
  CHECK(message("{}{}", {int64_t{-1}, uint64_t{2}}) == "-12");
  CHECK(message("{} {} {}", {true, 2.0, 0.1}) == "true 2.0 0.1");
  CHECK(message("retrying in {:.2f}s: {}", {1.005, "x"})
        == "retrying in 1.00s: x");
  CHECK(message("interval: {:.1f}s", {int64_t{5}}) == "interval: 5.0s");
  CHECK(message("{:.1f}", {"text"}) == "text");
  CHECK(message("{} and {}", {"one"}) == "one and {}");
  CHECK(message("{x} {}", {"one"}) == "{x} one");
  CHECK(message("no end {", {"one"}) == "no end {");
  CHECK(message("{}", {"{}"}) == "{}");
  CHECK(message("{:.99f}{:.f}", {1.5}) == "{:.99f}{:.f}");
}

TEST_CASE("extra is empty, not absent, without fields", "[log][L2]") {
  CHECK(line{}.to_json().ends_with(R"(, "extra": {}})"
                                   "\n"));
}

TEST_CASE("a call's field wins over the scope's, the last one of a call over "
          "the first",
          "[log][L2]") {
  line aut{.own = {{"a", int64_t{1}}, {"b", "x"}, {"b", "y"}},
           .scope = {{"a", "outer"}, {"c", "kept"}}};
  CHECK(aut.parsed()["extra"] == json{{"a", 1}, {"b", "y"}, {"c", "kept"}});
  CHECK(aut.to_json().find("outer") == std::string::npos);
}

TEST_CASE("values of secret keys are not shown", "[log]") {
  for (const auto* key : {"token", "upload_token", "client_secret", "Password",
                          "api_key", "X-API-Key", "Authorization"}) {
    line own{.own = {{key, "hush"}}}, scope{.scope = {{key, "hush"}}};
    CHECK(own.parsed()["extra"][key] == "***");
    CHECK(scope.parsed()["extra"][key] == "***");
  }
  CHECK(!is_secret("job_id"));
  CHECK(line{.own = {{"api_key", int64_t{5}}}}.parsed()["extra"]["api_key"]
        == "***");
}

TEST_CASE("values of configured keys are not shown", "[log]") {
  const std::vector<std::string> words{"ssn", "card_no"};
  const std::map<std::string, std::string> scope{{"user_SSN", "hush"}};
  const fields own{{"Card-No", int64_t{4}}, {"session", "shown"}};
  const line plain;
  auto record = plain.record();
  const log_record aut{.level = record.level,
                       .logger_name = record.logger_name,
                       .text = record.text,
                       .args = {},
                       .fields = own,
                       .scope_fields = scope,
                       .scope = 1,
                       .correlation_id = record.correlation_id,
                       .time = record.time,
                       .secret_words = words};
  log_cache cache;
  for (auto* with : {static_cast<log_cache*>(nullptr), &cache}) {
    std::string text;
    append_json(text, aut, with);
    CHECK(
      json::parse(text)["extra"]
      == json{{"user_SSN", "***"}, {"Card-No", "***"}, {"session", "shown"}});
  }
}

TEST_CASE("what JSON cannot hold becomes text", "[log]") {
  const auto infinity = std::numeric_limits<double>::infinity();
  line aut{.own = {{"nan", std::nan("")}, {"inf", -infinity}, {"max", 1e300}}};
  const auto extra = aut.parsed()["extra"];
  CHECK(extra["nan"] == "nan");
  CHECK(extra["inf"] == "-inf");
  CHECK(extra["max"] == 1e300);
}

TEST_CASE("an exception has a place of its own", "[log]") {
  const std::runtime_error error{"disk \"full\""};
  line aut{.text = "Error in job polling: {}", .args = {to_log_value(error)}};
  auto parsed = aut.parsed();
  CHECK(parsed["message"] == "Error in job polling: disk \"full\"");
  CHECK(parsed["exception"] == "std::runtime_error: disk \"full\"");
  CHECK(!parsed.contains("stack_info"));
  CHECK(parsed["extra"].empty());
  aut.stack = "frame 1\nframe 2\n";
  CHECK(aut.parsed()["stack_info"] == aut.stack);
  line field{.own = {{"error", log_exception{"x"}}}};
  CHECK(field.parsed()["exception"] == "x");
  CHECK(field.parsed()["extra"].empty());
  field.scope = {{"error", "of the scope"}};
  CHECK(field.parsed()["extra"]["error"] == "of the scope");
}

TEST_CASE("any bytes make one line of valid JSON", "[log][L2]") {
  const auto seed = Catch::rngSeed();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  for (int i = 0; i < 1'000; ++i) {
    const auto text = random_text(random), key = random_text(random);
    line aut{.args = {text}, .own = {{key, text}}, .scope = {{text, key}}};
    aut.text = "{}";
    aut.id = key;
    const auto written = aut.to_json();
    REQUIRE(std::count(written.begin(), written.end(), '\n') == 1);
    const auto parsed = json::parse(written);
    REQUIRE(parsed["message"] == repaired(text));
    REQUIRE(parsed["correlation_id"] == repaired(key));
    REQUIRE(parsed["extra"][repaired(key)] == repaired(text));
    const auto plain = aut.to_text();
    REQUIRE(std::count(plain.begin(), plain.end(), '\n') == 1);
  }
}

TEST_CASE("any text with any arguments makes a line", "[log]") {
  const auto seed = Catch::rngSeed();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  for (int i = 0; i < 1'000; ++i) {
    const auto text = random_text(random), arg = random_text(random);
    line aut{.args = values(random() % 4, log_value{arg})};
    aut.text = text;
    REQUIRE_NOTHROW(aut.parsed());
  }
}

TEST_CASE("a long string is cut between characters and says so", "[log]") {
  CHECK(escaped("abcdef", 6) == "abcdef");
  CHECK(escaped("abcdef", 3) == "abc...[3 bytes cut]");
  CHECK(escaped("ab\xe2\x82\xac-", 4) == "ab...[4 bytes cut]");
  CHECK(escaped("\xe2\x82\xac", 1) == "...[3 bytes cut]");
  CHECK(escaped("a\n", 2) == "a...[1 bytes cut]");
  CHECK(escaped("\"\"", 3) == "\\\"...[1 bytes cut]");
  CHECK(escaped("\x80\x80", 3) == "\xef\xbf\xbd...[1 bytes cut]");
}

TEST_CASE("a huge text is cut and says how much is missing", "[log][L2]") {
  const std::string huge(1'000'000, 'x');
  const std::string kept(16 * 1024, 'x'), mark = "...[983616 bytes cut]";
  CHECK(message(huge, {}) == kept + mark);
  CHECK(message("{}", {huge}) == kept + mark);
  CHECK(line{.own = {{"key", huge}}}.parsed()["extra"]["key"] == kept + mark);
  CHECK(line{.own = {{"e", log_exception{huge}}}}.parsed()["exception"]
        == kept + mark);
  const auto several = message("a {} b {} c", {huge, "second"});
  CHECK(several.ends_with("...[983629 bytes cut]"));
}

TEST_CASE("no line is larger than the largest", "[log][L2]") {
  const auto seed = Catch::rngSeed();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  size_t largest = 0;
  for (int i = 0; i < 12; ++i) {
    const auto wild = [&random] { // most becomes longer when it is escaped
      return std::string(random() % 50'000, "\x01\"x\xff"[random() % 4]);
    };
    line aut{.args = values(random() % 4), .stack = wild()};
    std::vector<std::string> texts;
    for (int n = 0; n < 200; ++n)
      texts.push_back(std::to_string(n) + wild().substr(0, random() % 50'000));
    for (auto& arg : aut.args)
      arg = texts[random() % texts.size()];
    for (auto n = random() % 200; n > 0; --n) {
      aut.scope[texts[random() % 200]] = texts[random() % 200];
      aut.own.emplace_back(texts[random() % 200], texts[random() % 200]);
    }
    aut.own.emplace_back("error", log_exception{texts[0], &typeid(line)});
    const auto format = wild() + "{} {}" + wild();
    aut.text = format;
    aut.id = wild();
    const auto written = aut.to_json();
    largest = std::max(largest, written.size());
    REQUIRE(written.size() <= log_line_bytes_max);
    REQUIRE(aut.to_text().size() <= log_line_bytes_max);
    REQUIRE_NOTHROW(json::parse(written));
  }
  CHECK(largest > log_line_bytes_max / 2);
}

TEST_CASE("fields beyond the limit are counted", "[log]") {
  std::vector<std::string> keys;
  for (int i = 0; i < 100; ++i)
    keys.push_back("key" + std::to_string(i));
  line own, scope;
  for (const auto& key : keys) {
    own.own.emplace_back(key, true);
    scope.scope[key] = "x";
  }
  for (const auto& parsed : {own.parsed(), scope.parsed()}) {
    CHECK(parsed["extra"].size() == log_fields_max + 1);
    CHECK(parsed["extra"]["..."] == "36 fields cut");
  }
}

TEST_CASE("a line is the same with and without a cache", "[log]") {
  const auto seed = Catch::rngSeed();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  log_cache cache;
  const log_text places[]
    = {"a", "b {}", "c"}; // three places, also on one line
  std::map<std::string, std::string> scopes[5];
  for (auto& scope : scopes)
    for (auto n = random() % 4; n > 0; --n)
      scope[random_text(random)] = random_text(random);
  for (int i = 0; i < 3'000; ++i) {
    const auto key = random_text(random);
    const auto scope = random() % std::size(scopes);
    line aut{.args = {key}, .scope = scopes[scope]};
    aut.text = places[random() % std::size(places)];
    if (random() % 3 == 0)
      aut.own = {{key, true}};
    if (random() % 3 == 0 && !aut.scope.empty())
      aut.own.emplace_back(aut.scope.begin()->first, int64_t{1});
    auto record = aut.record();
    record.time += std::chrono::milliseconds{random() % 5'000};
    record.scope = random() % 4 == 0 ? 0 : scope + 1;
    std::string with, without;
    append_json(with, record, &cache);
    append_json(without, record);
    REQUIRE(with == without);
  }
}

TEST_CASE("a cut-off character costs one replacement", "[log]") {
  CHECK(escaped("\xf0\x9f\x92|") == "\xef\xbf\xbd|");
  CHECK(escaped("\xed\xa0\x80") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("the function's bare name is shown", "[log]") {
  CHECK(name_at(place::member(1)) == "member");
  CHECK(name_at(place::templated(std::vector<int>{})) == "templated");
  CHECK(name_at(place{}(1)) == "operator()");
  CHECK(base_name_of("void tunerd::x_state::poll()") == "poll");
  CHECK(base_name_of("std::function<void(int)> tunerd::make()") == "make");
  CHECK(base_name_of("tunerd::x::go(int)::<lambda(const tick&)>") == "go");
  CHECK(base_name_of("void (anonymous namespace)::f(int)") == "f");
  CHECK(base_name_of("void {anonymous}::f(int)") == "f");
  CHECK(base_name_of("bool x::operator<(const x&) const") == "operator<");
  CHECK(base_name_of("const T& cooperator::get()") == "get");
  CHECK(base_name_of("main") == "main");
  CHECK(base_name_of("").empty());
}
