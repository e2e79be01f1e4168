#include "actors/provider_gateway/hardware_profile.hpp"
#include "actors/provider_gateway/json_text.hpp"
#include "actors/provider_gateway/provider_answers.hpp"
#include "actors/provider_gateway/provider_status.hpp"
#include "actors/provider_gateway/replicate.hpp"
#include "actors/provider_gateway/replicate_answers.hpp"
#include "actors/provider_gateway/retry.hpp"
#include "actors/provider_gateway/time_text.hpp"
#include "actors/provider_gateway/url.hpp"
#include "messages/fingerprint.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace tunerd;
using namespace std::chrono_literals;
using json = nlohmann::json;

namespace {

const context corr{"corr-1", {{"job_id", "j1"}}};

timestamp at(int64_t seconds) {
  return timestamp{std::chrono::seconds{seconds}};
}

std::optional<std::string> secrets(const std::string& name) {
  if (name == "WANDB_KEY")
    return "wandb \"1\"";
  return std::nullopt;
}

replicate api(config::replicate section = {.token = "r8_x"},
              secret_source source = secrets) {
  return {read_provider_settings("replicate", file_of(section, {}), {}),
          std::move(source)};
}

std::optional<provider_job> seen_in(const json& body,
                                    const std::string& profile) {
  return read_prediction(body, profile, {});
}

http_response answer(int status, const std::string& body,
                     http_headers headers = {}) {
  return {corr, http_transfer::answered, status, std::move(headers), body, {}};
}

prepare_job raw(const std::string& input) {
  return {.ctx = corr,
          .provider = "replicate",
          .version = "me/model:abc",
          .input = input};
}

/// A submission's fields, all of them optional.
struct form {
  std::string hardware_profile = {};
  std::string version = {};
  std::string input = {};
  std::string config = {};
  std::string dataloader_config = {};
  std::string webhook_url = {};

  operator prepare_job() const {
    return {corr,  "replicate", hardware_profile,  version,
            input, config,      dataloader_config, webhook_url};
  }
};

submission_outcome submitted(const http_response& response) {
  return api().read_submission(response, at(1'000));
}

std::string refusal(const caf::expected<job_prepared>& prepared) {
  REQUIRE(!prepared);
  CHECK(code_of(prepared.error()) == ec::validation_error);
  return render(prepared.error());
}

void check_contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
}

const json prediction{
  {"id", "k3writej"},
  {"model", "simpletuner/advanced-trainer-h100"},
  {"version", "simpletuner/advanced-trainer-h100:5f2"},
  {"status", "succeeded"},
  {"input", {{"b", 1}, {"a", "x"}}},
  {"output", "https://files/out.zip"},
  {"error", nullptr},
  {"created_at", "2024-01-15T10:30:00.25Z"},
  {"started_at", "2024-01-15T12:30:01+02:00"},
  {"completed_at", "2024-01-15T10:31:00.000000+00:00"},
  {"metrics", {{"predict_time", 58.75}}},
};

// -- generators ---------------------------------------------------------------

/// Random JSON that looks like Replicate's often enough to get far.
struct json_maker {
  std::mt19937_64 random;

  size_t below(size_t n) {
    return random() % n;
  }

  json value(int depth) {
    switch (below(depth > 0 ? 9 : 7)) {
      case 0: return nullptr;
      case 1: return static_cast<int64_t>(random());
      case 2: return below(2) == 0;
      case 3:
        return std::ldexp(1.0 + static_cast<double>(below(1'000)),
                          static_cast<int>(below(2'000)) - 1'000);
      case 4:
        return std::vector{"succeeded",
                           "x",
                           "",
                           "2024-01-15T10:30:00Z",
                           "https://api.replicate.com/n",
                           "resets in ~"}[below(6)];
      case 5: return prediction;
      case 6: return std::string(below(300), '\xC3');
      case 7: {
        auto result = json::array();
        for (size_t i = below(4); i > 0; --i)
          result.push_back(value(depth - 1));
        return result;
      }
      default: return object(depth - 1);
    }
  }

  json object(int depth) {
    json result = below(2) == 0 ? prediction : json::object();
    for (size_t i = below(4); i > 0; --i)
      result[std::vector{"id", "status", "version", "model", "input", "output",
                         "error", "created_at", "metrics", "data_removed",
                         "results", "next", "detail", "url"}[below(14)]]
        = value(depth);
    return result;
  }

  /// Text of a value, damaged now and then.
  std::string text() {
    auto result = json_text(object(4));
    for (size_t i = below(3); i > 0 && !result.empty(); --i)
      switch (below(3)) {
        case 0:
          result[below(result.size())] = static_cast<char>(random());
          break;
        case 1: result.resize(below(result.size())); break;
        default: result.insert(below(result.size()), 1, "[]{}\",:\\"[below(8)]);
      }
    return result;
  }
};

} // namespace

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

// -- requests -----------------------------------------------------------------

TEST_CASE("a submission names version, input and webhook", "[provider]") {
  const submit_to_provider command{
    corr, "replicate", "j1", {"me/model:abc", R"({"a":"${secret:X}"})"}};
  auto request = api().submission(command, R"({"a":"clear"})");
  CHECK(request.method == "POST");
  CHECK(request.url == "https://api.replicate.com/v1/predictions");
  CHECK(header(request.headers, "authorization") == "Bearer r8_x");
  CHECK(header(request.headers, "content-type") == "application/json");
  CHECK(request.ctx.correlation_id == "corr-1");
  CHECK(request.timeout == 30s);
  CHECK(request.body == R"({"input":{"a":"clear"},"version":"me/model:abc"})");
  auto hooked = command;
  hooked.input.webhook_url = "https://us/hook";
  const auto body = json::parse(api().submission(hooked, "{}").body);
  CHECK(body["webhook"] == "https://us/hook");
  CHECK(body["webhook_events_filter"] == json{"start", "completed"});
}

TEST_CASE("a job that names its runtime is cancelled after it", "[provider]") {
  submit_to_provider command{corr, "replicate", "j1", {"me/model:abc", "{}"}};
  const auto limit = [&] {
    return header(api().submission(command, "{}").headers, "cancel-after");
  };
  CHECK(limit() == "");
  command.input.max_runtime = 90min;
  CHECK(limit() == "90m");
  command.input.max_runtime = 61s; // never less than was asked for
  CHECK(limit() == "2m");
}

TEST_CASE("any external id stays one segment of the path", "[provider][P2]") {
  const auto url = [](const std::string& id) {
    return api({.base_url = "http://h/v1/"})
      .look_up({corr, "replicate", id})
      .url;
  };
  CHECK(url("abc-001def") == "http://h/v1/predictions/abc-001def");
  CHECK(url("latest9") == "http://h/v1/predictions/latest9");
  CHECK(url("../account?x#y z")
        == "http://h/v1/predictions/"
           "%2E%2E%2Faccount%3Fx%23y%20z");
  CHECK(api().cancellation({corr, "replicate", "a/b"}).url
        == "https://api.replicate.com/v1/predictions/a%2Fb/cancel");
}

TEST_CASE("a listing starts where it was asked to", "[provider]") {
  const auto request = api().listing({corr, "replicate", at(1705314600), ""});
  REQUIRE(request);
  CHECK(request->url
        == "https://api.replicate.com/v1/predictions"
           "?created_after=2024-01-15T10:30:00.000000Z");
}

TEST_CASE("a listing follows its cursor on the configured host only",
          "[provider]") {
  const auto follow = [](const std::string& cursor) {
    return api().listing({corr, "replicate", {}, cursor});
  };
  const std::string good = "https://API.replicate.com:443/v1/p?cursor=2";
  REQUIRE(follow(good));
  CHECK(follow(good)->url == good);
  for (const auto* bad :
       {"http://api.replicate.com/v1/p?cursor=2", "https://evil.com/v1/p",
        "https://api.replicate.com.evil.com/",
        "https://api.replicate.com:8443/",
        "https://api.replicate.com@evil.com/", "/v1/p?cursor=2"}) {
    INFO(bad);
    REQUIRE(!follow(bad));
    CHECK(code_of(follow(bad).error()) == ec::provider_error);
    CHECK(!api().read_page(
      answer(200, json{{"results", json::array()}, {"next", bad}}.dump()), {}));
  }
}

// -- answers ------------------------------------------------------------------

TEST_CASE("a prediction is read in full", "[provider]") {
  const auto seen = seen_in(prediction, "h100-x8");
  REQUIRE(seen);
  CHECK(seen->external_id == "k3writej");
  CHECK(seen->status == job_status::completed);
  CHECK(seen->created_at == timestamp{at(1705314600) + 250ms});
  CHECK(seen->started_at == at(1705314601));
  CHECK(seen->completed_at == at(1705314660));
  CHECK(seen->cost_micros == int64_t{716'750});
  CHECK(seen->output_url == "https://files/out.zip");
  CHECK(seen->error_message.empty());
  CHECK(seen->version == "5f2");
  CHECK(seen->input == R"({"a":"x","b":1})");
}

TEST_CASE("what a prediction leaves out stays absent", "[provider][P4]") {
  for (const auto& body : {json{{"id", "x"}}, json{{"id", "x"},
                                                   {"status", nullptr},
                                                   {"input", nullptr},
                                                   {"output", nullptr},
                                                   {"error", nullptr},
                                                   {"started_at", nullptr},
                                                   {"metrics", nullptr}}}) {
    const auto seen = seen_in(body, "h100");
    REQUIRE(seen);
    CHECK(!seen->status);
    CHECK(!seen->started_at);
    CHECK(!seen->completed_at);
    CHECK(!seen->cost_micros);
    CHECK(seen->output_url.empty());
    CHECK(seen->error_message.empty());
    CHECK(seen->input.empty());
  }
}

TEST_CASE("output and error come in several shapes", "[provider]") {
  const auto with = [](const char* key, json value) {
    auto body = prediction;
    body[key] = std::move(value);
    return *seen_in(body, "h100");
  };
  CHECK(with("output", {"u1", "u2"}).output_url == "u1");
  CHECK(with("output", {{"url", "u3"}}).output_url == "u3");
  CHECK(with("output", json::array({json{{"url", "u4"}}})).output_url == "u4");
  CHECK(with("output", 7).output_url.empty());
  CHECK(with("output", std::string(5'000, 'x')).output_url.empty());
  CHECK(with("error", "out of memory").error_message == "out of memory");
  CHECK(with("error", {{"code", 7}}).error_message == R"({"code":7})");
  CHECK(with("data_removed", true).input.empty());
  CHECK(with("data_removed", false).input == R"({"a":"x","b":1})");
  // Cut between characters: a "ä" has two bytes.
  std::string umlauts = "x";
  for (int i = 0; i < 4'000; ++i)
    umlauts += "\u00e4";
  CHECK(with("error", umlauts).error_message.size() == 4'095);
}

TEST_CASE("a submission's answer decides what became of it",
          "[provider][Q3][Q8]") {
  using enum submission_result;
  const auto result = [](int status, const std::string& body) {
    return submitted(answer(status, body)).result;
  };
  CHECK(result(201, prediction.dump()) == accepted);
  CHECK(result(200, R"({"id":"x","status":"new"})") == accepted);
  for (const auto* body : {"", "<html>", "[]", "{}", R"({"id":""})",
                           R"({"id":7})", R"({"id":null})"})
    CHECK(result(201, body) == in_doubt);
  for (const int status : {401, 402, 403})
    CHECK(result(status, "{}") == unavailable);
  for (const int status : {400, 404, 409, 413, 422, 451})
    CHECK(result(status, "{}") == refused);
  for (const int status : {408, 500, 502, 503, 504, 599, 301, 302, 304, 100})
    CHECK(result(status, "{}") == in_doubt);
  CHECK(result(429, "{}") == not_accepted);
  CHECK(submitted({corr, http_transfer::not_sent}).result == not_accepted);
  CHECK(submitted({corr, http_transfer::lost}).result == in_doubt);
}

TEST_CASE("a refusal says why", "[provider]") {
  const auto reason = [](int status, const std::string& body) {
    return submitted(answer(status, body)).reason;
  };
  CHECK(reason(422, R"({"title":"Bad","detail":"input.x is required"})")
        == "HTTP 422: input.x is required");
  CHECK(reason(422, R"({"detail":[{"loc":"x"}]})")
        == R"(HTTP 422: [{"loc":"x"}])");
  CHECK(reason(422, "<html>") == "HTTP 422");
  CHECK(submitted(answer(201, prediction.dump())).reason.empty());
  CHECK(submitted({corr, http_transfer::lost, 0, {}, {}, "timed out"}).reason
        == "timed out");
}

TEST_CASE("a wait is read from header or text", "[provider][P9]") {
  const auto wait = [](const std::string& header, const std::string& detail) {
    http_headers headers;
    if (!header.empty())
      headers.emplace_back("retry-after", header);
    return asked_wait(answer(429, json{{"detail", detail}}.dump(), headers),
                      at(784111767));
  };
  CHECK(wait("7", "") == 7s);
  CHECK(wait("Sun, 06 Nov 1994 08:49:37 GMT", "") == 10s);
  CHECK(wait("Sun, 06 Nov 1994 08:49:00 GMT", "") == 0s);
  CHECK(wait("Sun, 06 Foo 1994 08:49:37 GMT", "") == 0s);
  CHECK(wait("-7", "") == 0s);
  CHECK(wait("99999999999999999999", "") == 0s);
  CHECK(wait("4000000000", "") == 24h);
  CHECK(wait("", "Request was throttled. Your rate limit resets in ~30s.")
        == 30s);
  CHECK(wait("", "resets in 2m") == 120s);
  CHECK(wait("", "resets in ~500ms") == 500ms);
  CHECK(wait("", "resets in ") == 0s);
  CHECK(wait("", "slow down") == 0s);
  CHECK(submitted(answer(429, "{}", {{"retry-after", "7"}})).retry_after == 7s);
}

TEST_CASE("a query's failure has its code", "[provider]") {
  const auto code = [](const http_response& response) {
    const auto seen = api().read_job(response, {corr, "replicate", "k3writej"});
    return seen ? "none" : to_string(code_of(seen.error()));
  };
  CHECK(code(answer(200, prediction.dump())) == "none");
  CHECK(code(answer(404, "{}")) == "no_such_provider_job");
  for (const int status : {401, 402, 403})
    CHECK(code(answer(status, "{}")) == "provider_unavailable");
  CHECK(code(answer(429, "{}")) == "provider_throttled");
  CHECK(code(answer(500, "{}")) == "provider_error");
  CHECK(code(answer(302, "{}")) == "provider_error");
  CHECK(code(answer(200, "<html>")) == "provider_error");
  CHECK(code(answer(200, R"({"id":"other"})")) == "provider_error");
  CHECK(code({corr, http_transfer::lost}) == "provider_timeout");
  CHECK(code({corr, http_transfer::not_sent}) == "provider_timeout");
}

TEST_CASE("a page is complete or an error", "[provider][Q3]") {
  const std::string next = "https://api.replicate.com/v1/predictions?cursor=2";
  const auto page = [&](const json& results, const json& cursor) {
    return api().read_page(
      answer(200, json{{"results", results}, {"next", cursor}}.dump()), {});
  };
  auto full = page({prediction, prediction}, next);
  REQUIRE(full);
  CHECK(full->jobs.size() == 2);
  CHECK(full->jobs[0].input == R"({"a":"x","b":1})");
  CHECK(full->next == next);
  CHECK(full->ctx.correlation_id == "corr-1");
  CHECK(page(json::array(), nullptr)->next.empty());
  CHECK(!page({prediction, {{"status", "succeeded"}}}, nullptr));
  CHECK(!page(7, nullptr));
  CHECK(!page(json::array(), 7));
  CHECK(!api().read_page(answer(200, "{}"), {}));
}

TEST_CASE("a cancellation says what the provider said", "[provider]") {
  const cancel_provider_job command{corr, "replicate", "k3writej"};
  const auto cancelled = [&](int status, const std::string& body) {
    return api().read_cancelled(answer(status, body), command);
  };
  CHECK(cancelled(200, prediction.dump())->status == job_status::completed);
  CHECK(code_of(cancelled(404, R"({"detail":"gone"})").error())
        == ec::no_such_provider_job);
  CHECK(cancelled(204, "")->external_id == "k3writej");
  CHECK(code_of(cancelled(403, "").error()) == ec::provider_unavailable);
  CHECK(code_of(cancelled(500, "").error()) == ec::provider_error);
}

TEST_CASE("no answer makes a reader throw", "[provider]") {
  json_maker make{std::mt19937_64{Catch::rngSeed()}};
  const auto client = api();
  size_t read = 0;
  for (int i = 0; i < 600; ++i) {
    const auto body = make.text();
    INFO("seed " << Catch::rngSeed() << " round " << i << ": " << body);
    const std::vector statuses{200, 201, 404, 422, 429, 503};
    const auto response = answer(statuses[make.below(6)], body);
    CHECK_NOTHROW(client.read_submission(response, at(0)));
    CHECK_NOTHROW(client.read_page(response, {}));
    CHECK_NOTHROW(client.read_cancelled(response, {corr, "replicate", "x"}));
    CHECK_NOTHROW(client.retry_after(response, at(0)));
    CHECK_NOTHROW(client.prepare(raw(body)));
    CHECK_NOTHROW(
      read
      += client.read_job(response, {corr, "replicate", "k3writej"}) ? 1 : 0);
  }
  CHECK(read > 10); // The generator does reach the inside.
}

TEST_CASE("endless nesting is refused before it costs the stack",
          "[provider]") {
  const std::string deep(3'000'000, '[');
  CHECK(!parse_json(deep));
  CHECK(!parse_json(deep + std::string(3'000'000, ']')));
  CHECK(parse_json(R"({"a":"[[[[\"[[[["})"));
  CHECK(submitted(answer(201, deep)).result == submission_result::in_doubt);
  check_contains(refusal(api().prepare(raw(deep))), "input: ");
}

// -- preparing ----------------------------------------------------------------

TEST_CASE("a raw input is kept as canonical JSON", "[provider]") {
  const auto prepared = api().prepare(raw(R"({ "b": 1, "a": [ ] })"));
  REQUIRE(prepared);
  CHECK(prepared->ctx.correlation_id == "corr-1");
  CHECK(prepared->input.version == "me/model:abc");
  CHECK(prepared->input.body == R"({"a":[],"b":1})");
  CHECK(prepared->input.fingerprint
        == fingerprint("replicate", "abc", R"({"b":1,"a":[]})", "{}"));
  CHECK(prepared->hardware_profile == "h100");
  CHECK(prepared->hardware_type == "H100");
}

TEST_CASE("a configuration becomes the trainer's input", "[provider]") {
  prepare_job request{.ctx = corr,
                      .provider = "replicate",
                      .hardware_profile = "l40s-x4",
                      .config = R"({"--model": "flux"})",
                      .dataloader_config = R"([{"id": "d"}])"};
  const config::replicate config{.version = "5f2"};
  const auto prepared = api(config).prepare(request);
  REQUIRE(prepared);
  CHECK(json::parse(prepared->input.body)
        == json{{"config_json", R"({"--model":"flux"})"},
                {"dataloader_json", R"([{"id":"d"}])"}});
  CHECK(prepared->input.version == "5f2");
  CHECK(prepared->hardware_profile == "l40s-x4");
  CHECK(prepared->hardware_type == "4x L40S");
  // The token is a reference, and says nothing to the fingerprint.
  const auto with_token
    = api(config, [](const std::string& name) -> std::optional<std::string> {
        return name == "HF_TOKEN" ? "hf_secret" : "";
      }).prepare(request);
  REQUIRE(with_token);
  CHECK(json::parse(with_token->input.body)["hf_token"]
        == "${secret:HF_TOKEN}");
  CHECK(with_token->input.fingerprint == prepared->input.fingerprint);
}

TEST_CASE("what cannot be sent is refused by the name of its field",
          "[provider]") {
  const auto client = api({.version = "5f2"});
  const std::vector<std::pair<form, std::string>> table{
    {{.input = "7"}, "input: want an object"},
    {{.input = "{"}, "input: not JSON"},
    {{.input = ""}, "input: want either"},
    {{.input = "{}", .config = "{}"}, "input: want either"},
    {{.input = "{}", .dataloader_config = "{}"}, "input: want either"},
    {{.config = "{}"}, "dataloader_config: "},
    {{.dataloader_config = "{}"}, "config: "},
    {{.config = "[]", .dataloader_config = "{}"}, "config: wrong type"},
    {{.config = "{}", .dataloader_config = "7"}, "dataloader_config: wrong"},
    {{.config = R"({"a":"${secret:WANDB_KEY}"})", .dataloader_config = "{}"},
     "config: ${secret:NAME} works in a raw input only"},
    {{.hardware_profile = "h200", .input = "{}"},
     "hardware_profile: want one of h100, h100-x2, h100-x4, h100-x8, l40s, "},
    {{.version = "a b", .input = "{}"}, "version: want"},
    {{.version = std::string(300, 'a'), .input = "{}"}, "version: want"},
    {{.input = "{}", .webhook_url = "http://us/hook"}, "webhook_url: "},
    {{.input = R"({"a":"${secret:NOPE}"})"}, "no secret is called NOPE"},
    {{.input = R"({"a":"${secret:no pe}"})"}, "want ${secret:NAME}"},
    {{.input = R"({"a":"${secret:"})"}, "want ${secret:NAME}"},
    {{.input = R"({"a":"${secret:}"})"}, "want ${secret:NAME}"},
    {{.input = '"' + std::string(4'194'304, 'x') + '"'}, "input: over 4 MiB"},
  };
  for (const auto& [request, text] : table) {
    INFO(text);
    check_contains(refusal(client.prepare(request)), text);
  }
}

TEST_CASE("without any version the setting to set is named", "[provider]") {
  check_contains(refusal(api().prepare(form{.input = "{}"})),
                 "tunerd.providers.replicate.version");
}

TEST_CASE("version and profile belong to the request and must agree",
          "[provider][W5]") {
  const auto profile = [](const std::string& version, const std::string& name) {
    return api({.version = "simpletuner/advanced-trainer-h100:1"})
      .prepare(
        form{.hardware_profile = name, .version = version, .input = "{}"});
  };
  const std::string eight = "simpletuner/advanced-trainer-h100-x8:2";
  CHECK(profile(eight, "")->hardware_profile == "h100-x8");
  CHECK(profile(eight, "h100-x8")->hardware_profile == "h100-x8");
  CHECK(profile("5f2", "l40s")->hardware_profile == "l40s");
  CHECK(profile("", "")->input.version
        == "simpletuner/advanced-trainer-h100:1");
  check_contains(refusal(profile(eight, "h100")), "does not run on h100");
  // The configured version runs on other hardware than asked for.
  check_contains(refusal(profile("", "h100-x8")),
                 "want a version of simpletuner/advanced-trainer-h100-x8");
}

TEST_CASE("a webhook is the request's, else the configured one", "[provider]") {
  const auto webhook = [](config::replicate config, const std::string& asked) {
    config.version = "5f2";
    auto prepared
      = api(config).prepare(form{.input = "{}", .webhook_url = asked});
    return prepared ? prepared->input.webhook_url : "refused";
  };
  const config::replicate hooked{.webhook_url = "https://us/hook"};
  CHECK(webhook(hooked, "") == "https://us/hook");
  CHECK(webhook(hooked, "https://them/hook") == "https://them/hook");
  CHECK(webhook({}, "").empty());
  CHECK(webhook({.base_url = "http://127.0.0.1:1"}, "http://us")
        == "http://us/api/webhooks/replicate");
}

// -- secrets ------------------------------------------------------------------

TEST_CASE("secrets are put into values only, quoted as JSON", "[provider]") {
  const auto resolved = resolve_secrets(
    R"({"${secret:X}":["a ${secret:WANDB_KEY}${secret:WANDB_KEY}",{"b":7}]})",
    secrets);
  REQUIRE(resolved);
  CHECK(json::parse(resolved->body)
        == json{{"${secret:X}", {R"(a wandb "1"wandb "1")", {{"b", 7}}}}});
  CHECK(resolved->secrets.size() == 2);
  CHECK(resolve_secrets(R"({"a":"$${secret"})", secrets)->body
        == R"({"a":"$${secret"})");
  CHECK(!resolve_secrets("{", secrets));
  CHECK(!resolve_secrets(R"({"a":"${secret:X}"})", nullptr));
}

TEST_CASE("a secret's value is never itself a reference", "[provider]") {
  const auto resolved
    = resolve_secrets(R"({"a":"${secret:A}"})", [](const std::string& name) {
        return std::optional{"${secret:" + name + "}"};
      });
  REQUIRE(resolved);
  CHECK(resolved->body == R"({"a":"${secret:A}"})");
}

TEST_CASE("secrets are taken out of a text", "[provider]") {
  CHECK(without_secrets("bad hf_1 and hf_1", {"hf_1", ""})
        == "bad *** and ***");
  CHECK(without_secrets("fine", {"hf_1"}) == "fine");
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
