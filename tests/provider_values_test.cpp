#include "actors/provider_gateway/hardware_profile.hpp"
#include "actors/provider_gateway/json_text.hpp"
#include "actors/provider_gateway/provider_status.hpp"
#include "actors/provider_gateway/retry.hpp"
#include "actors/provider_gateway/time_text.hpp"
#include "actors/provider_gateway/url.hpp"

#include "tests/replicate_fixture.hpp"

#include <random>

// Values that are read from and written for providers.

using namespace tunerd;
using namespace tunerd::test::replicate_api;
using namespace std::chrono_literals;

// -- names, times, numbers ----------------------------------------------------

TEST_CASE("each provider status has its name here", "[provider][P6][P7]") {
  const auto status_of = [](const std::string& raw) {
    const auto seen = seen_in({{"id", "x"}, {"status", raw}}, {});
    REQUIRE(seen);
    CHECK(seen->raw_status == raw);
    return seen->status ? to_string(*seen->status) : "none";
  };
  const std::vector<std::pair<std::string, std::string>> table{
    {"starting", "queued"},
    {"processing", "running"},
    {"succeeded", "completed"},
    {"failed", "failed"},
    {"canceled", "cancelled"},
    {"aborted", "cancelled"},
    {" Canceled\n", "cancelled"},
    {"cancelled", "cancelled"},
    {"PENDING", "pending"},
    {"uploading", "uploading"},
    {"queued", "queued"},
    {"running", "running"},
    {"completed", "completed"},
    {"error", "failed"},
    {"", "none"},
    {"  ", "none"},
    {"paused", "none"},
    {"succeededx", "none"},
  };
  for (const auto& [raw_status, ours] : table) {
    INFO(raw_status);
    CHECK(status_of(raw_status) == ours);
  }
}

TEST_CASE("ISO 8601 times are read with and without offset and fraction",
          "[provider]") {
  const std::vector<std::pair<std::string, int64_t>> table{
    {"1970-01-01T00:00:00Z", 0},
    {"2024-01-15T10:30:00Z", 1705314600},
    {"2024-01-15T12:30:00+02:00", 1705314600},
    {"2024-01-15T05:30:00-0500", 1705314600},
    {"2024-01-15 10:30:00", 1705314600},
    {"2024-02-29T00:00:00z", 1709164800},
  };
  for (const auto& [text, seconds] : table) {
    INFO(text);
    REQUIRE(parse_iso_time(text));
    CHECK(*parse_iso_time(text) == at(seconds));
  }
  CHECK(*parse_iso_time("1970-01-01T00:00:00.1234567891Z")
        == timestamp{123456789ns});
  for (const auto* text :
       {"", "2024", "2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z",
        "2024-01-15T24:00:00Z", "2024-01-15T10:30:00.Z", "9999-01-01T00:00:00Z",
        "2024-01-15T10:30:00Zx", "2024-01-15T10:30:00+2:00", "1705314600"}) {
    INFO(text);
    CHECK(!parse_iso_time(text));
  }
}

TEST_CASE("what is written as a time is read back", "[provider]") {
  std::mt19937_64 random{Catch::rngSeed()};
  for (int i = 0; i < 5'000; ++i) {
    const timestamp time{
      std::chrono::microseconds{random() % 7'000'000'000'000'000}};
    INFO("seed " << Catch::rngSeed() << ": " << iso_time(time));
    REQUIRE(parse_iso_time(iso_time(time)) == time);
  }
}

TEST_CASE("a cost is predict_time by the rate of the job's own profile",
          "[provider][W5]") {
  const auto cost = [](const char* profile, double seconds) {
    auto body = prediction;
    body["metrics"]["predict_time"] = seconds;
    return *seen_in(body, profile)->cost_micros;
  };
  CHECK(cost("h100", 1.0) == 1'525);
  CHECK(cost("h100-x2", 1.0) == 3'050);
  CHECK(cost("h100-x4", 1.0) == 6'100);
  CHECK(cost("h100-x8", 1.0) == 12'200);
  CHECK(cost("l40s", 1.0) == 972);
  CHECK(cost("l40s", 1'000.0) == 972'222);
  CHECK(cost("l40s-x8", 1'000.0) == 7'777'776);
  CHECK(cost("h100", 58.75) == 89'594); // 89593.75
  // Without the job's profile the model says what it ran on.
  CHECK(cost("", 1.0) == 1'525);
}

TEST_CASE("a cost nobody can know stays unknown", "[provider][P4]") {
  auto body = prediction;
  CHECK(!seen_in(body, "h200")->cost_micros);
  body["metrics"]["predict_time"] = nullptr;
  CHECK(!seen_in(body, "h100")->cost_micros);
  body["metrics"]["predict_time"] = -1;
  CHECK(!seen_in(body, "h100")->cost_micros);
  body["metrics"] = 7;
  CHECK(!seen_in(body, "h100")->cost_micros);
  body = prediction;
  body["model"] = "someone/else";
  CHECK(!seen_in(body, "")->cost_micros);
}

TEST_CASE("a cost is exact to half a micro-dollar", "[provider][W5]") {
  std::mt19937_64 random{Catch::rngSeed()};
  for (int i = 0; i < 5'000; ++i) {
    const auto rate = static_cast<int64_t>(random() % 20'000'000);
    const auto micros = random() % 1'000'000'000'000;
    const auto cost = cost_micros(rate, static_cast<double>(micros) / 1e6);
    REQUIRE(cost);
    const auto exact = static_cast<long double>(micros) / 1e9L
                       * static_cast<long double>(rate);
    INFO("seed " << Catch::rngSeed() << " micros " << micros << " rate "
                 << rate);
    CHECK(std::fabs(static_cast<long double>(*cost) - exact) <= 0.5001L);
  }
}

TEST_CASE("a URL's origin has scheme, host and port", "[provider]") {
  CHECK(origin_of("https://API.replicate.com/v1")
        == "https://api.replicate.com:443");
  CHECK(origin_of("http://[::1]/x") == "http://[::1]:80");
  CHECK(origin_of("http://[::1]:81?x") == "http://[::1]:81");
  for (const auto* url :
       {"", "/v1/predictions", "file:///etc/passwd", "https://",
        "https://me@api.replicate.com/", "https://api.replicate.com\\@evil/",
        "https://api.replicate.com\r\nx: y/", "https://api .com/"}) {
    INFO(url);
    CHECK(origin_of(url).empty());
  }
}

TEST_CASE("a parameter of a URL is there once, at its end", "[provider]") {
  const auto with = [](const char* url, const char* value = "7") {
    return with_parameter(url, "job", value);
  };
  CHECK(with("https://us/hook") == "https://us/hook?job=7");
  CHECK(with("https://us/?") == "https://us/?job=7");
  CHECK(with("https://us/?a=1") == "https://us/?a=1&job=7");
  CHECK(with("https://us/?a#b?job=1") == "https://us/?a&job=7#b?job=1");
  // Whoever wrote the URL names no other.
  CHECK(with("https://us/?job=8&job&jobs=2&&a=")
        == "https://us/?jobs=2&a=&job=7");
  CHECK(with("https://us/?%6Aob=8&j%6fb&%6=1&%zz&jo%62")
        == "https://us/?%6=1&%zz&job=7");
  CHECK(with("https://us/", "a&b") == "https://us/?job=a%26b");
}

TEST_CASE("of a long text its last whole lines are kept", "[provider]") {
  CHECK(last_lines("", 4) == "");
  CHECK(last_lines("a\nb\n", 4) == "a\nb\n");
  CHECK(last_lines("a\nb\nc", 4) == "b\nc");
  CHECK(last_lines("a\nb\nc\n", 4) == "b\nc\n");
  CHECK(last_lines("aaa\nb\n", 4) == "b\n");
  CHECK(last_lines("aaaaaa\n", 4) == "aaa\n");
  CHECK(last_lines("aaaaaa", 4) == "aaaa");
  CHECK(last_lines("a\u00e4\u00e4", 3) == "\u00e4"); // not half of one
}

TEST_CASE("what is kept of a text is its end and valid UTF-8", "[provider]") {
  std::mt19937_64 random{Catch::rngSeed()};
  for (int i = 0; i < 3'000; ++i) {
    std::string text;
    for (size_t n = random() % 30; n > 0; --n)
      text += std::vector{"a",      "\n",         "\u00e4",
                          "\u20ac", "\U0001f600", "a line\n"}[random() % 6];
    const auto bytes_max = random() % 40 + 1;
    const auto kept = last_lines(text, bytes_max);
    INFO("seed " << Catch::rngSeed() << ": " << text);
    REQUIRE(kept.size() <= bytes_max);
    REQUIRE(text.ends_with(kept));
    REQUIRE_NOTHROW(json(kept).dump()); // throws on bad UTF-8
    const bool whole_line = kept.size() == text.size()
                            || text[text.size() - kept.size() - 1] == '\n';
    const auto end = text.find('\n', text.size() - kept.size());
    REQUIRE((whole_line || end + 1 >= text.size() || end == text.npos));
  }
}

// -- retries ------------------------------------------------------------------

TEST_CASE("pauses double, jitter up and stay below the cap", "[provider]") {
  CHECK(retry_delay(1, 0s, 0) == 1s);
  CHECK(retry_delay(2, 0s, 0) == 2s);
  CHECK(retry_delay(9, 0s, 0) == 30s);
  CHECK(retry_delay(1, 0s, 2'500) == 1'250ms);
  CHECK(retry_delay(1, 7s, 0) == 7s);
  CHECK(retry_delay(1, 1h, 0) == 30s);
  std::mt19937_64 random{Catch::rngSeed()};
  for (int i = 0; i < 5'000; ++i) {
    const auto tried = static_cast<int>(random() % 100);
    const auto plain = retry_delay(tried, 0s, 0);
    const auto delay = retry_delay(tried, 0s, random());
    INFO("seed " << Catch::rngSeed());
    CHECK(delay >= plain);
    CHECK(delay <= plain + plain / 4);
  }
}
