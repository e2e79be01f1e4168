#include "actors/provider_gateway/json_text.hpp"
#include "actors/provider_gateway/provider_answers.hpp"

#include "tests/replicate_fixture.hpp"

#include <random>

// What Replicate's answers mean.

using namespace tunerd;
using namespace tunerd::test::replicate_api;
using namespace std::chrono_literals;

namespace {

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
  CHECK(seen->input.empty()); // Few want it, and it is long.
  CHECK(read_prediction_input(prediction) == R"({"a":"x","b":1})");
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
    CHECK(read_prediction_input(body).empty());
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
  auto removed = prediction;
  removed["data_removed"] = false;
  CHECK(read_prediction_input(removed) == R"({"a":"x","b":1})");
  removed["data_removed"] = true;
  CHECK(read_prediction_input(removed).empty());
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
