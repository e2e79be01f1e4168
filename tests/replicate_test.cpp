#include "tests/replicate_fixture.hpp"

// What Replicate is asked.

using namespace tunerd;
using namespace tunerd::test::replicate_api;
using namespace std::chrono_literals;

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
  CHECK(body["webhook"] == "https://us/hook?tunerd_job=j1");
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

TEST_CASE("only a model is asked for its versions", "[provider]") {
  const auto url = [](const std::string& version) {
    const auto asked = api().versions(corr, {version});
    return asked ? asked->method + " " + asked->url : "";
  };
  CHECK(url("me/model")
        == "GET https://api.replicate.com/v1/models/me/model/versions");
  CHECK(url("me/m.1")
        == "GET https://api.replicate.com/v1/models/me/m%2E1/versions");
  CHECK(url("me/model:abc").empty());
  CHECK(url("abc").empty());
}

TEST_CASE("the newest version is the first of the list", "[provider]") {
  const auto newest = [](int status, const std::string& body) {
    const auto found = api().read_newest_version(answer(status, body), "me/m");
    return found ? *found : render(found.error());
  };
  CHECK(newest(200, R"({"results":[{"id":"b2"},{"id":"a1"}]})") == "me/m:b2");
  check_contains(newest(404, "{}"), "validation_error: version: Replicate");
  check_contains(newest(200, R"({"results":[]})"), "validation_error: version");
  check_contains(newest(429, "{}"), "provider_throttled");
  check_contains(newest(401, "{}"), "provider_unavailable");
  for (const auto* body :
       {"", "[]", R"({"results":[{}]})", R"({"results":[{"id":"a:b"}]})",
        R"({"results":{"id":"a"}})"})
    check_contains(newest(200, body), "provider_error: not a list");
}
