#include "messages/fingerprint.hpp"

#include "tests/log_capture.hpp"
#include "tests/provider_fixture.hpp"

// Submissions that name a model and no version of it.

using namespace tunerd;
using namespace std::chrono_literals;
using test::answered;
using test::corr;

namespace {

struct fixture : test::provider_fixture {
  fixture()
    : test::provider_fixture([](auto& x) { x.replicate.version = {}; }) {
  }

  static prepare_job trainer(const std::string& profile = "h100") {
    return {.ctx = corr,
            .provider = "replicate",
            .hardware_profile = profile,
            .config = "{}",
            .dataloader_config = "[]"};
  }

  static prepare_job raw(const std::string& version) {
    return {
      .ctx = corr, .provider = "replicate", .version = version, .input = "{}"};
  }

  static test::step versions(const std::string& newest) {
    return answered(200,
                    R"({"results":[{"id":")" + newest + R"("},{"id":"old"}]})");
  }

  std::string version_of(const prepare_job& x, caf::timespan time = 100ms) {
    const auto found = ask_for<job_prepared>(x, time);
    return found ? found->input.version : render(found.error());
  }
};

constexpr auto h100 = "simpletuner/advanced-trainer-h100";

} // namespace

TEST_CASE_METHOD(fixture, "a trainer is sent in its newest version",
                 "[provider_gateway][W5]") {
  script = {versions("aaa")};
  const auto found = ask_for<job_prepared>(trainer(), 100ms);
  REQUIRE(found);
  CHECK(found->ctx.correlation_id == "corr-1");
  CHECK(found->input.version == std::string{h100} + ":aaa");
  CHECK(found->hardware_profile == "h100");
  // The fingerprint is that of what the provider will show.
  const auto& body = found->input.body;
  CHECK(found->input.fingerprint
        == fingerprint("replicate", "aaa", body, body));
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].url
        == "https://api.replicate.com/v1/models/" + std::string{h100}
             + "/versions");
  CHECK(header(requests[0].headers, "authorization") == "Bearer r8_x");
}

TEST_CASE_METHOD(fixture, "an exact version is asked of nobody",
                 "[provider_gateway]") {
  CHECK(version_of(raw("me/model:abc")) == "me/model:abc");
  CHECK(version_of(raw("abc")) == "abc");
  CHECK(requests.empty());
}

TEST_CASE_METHOD(fixture, "a newest version is known for five minutes",
                 "[provider_gateway]") {
  script = {versions("aaa"), versions("bbb"), versions("ccc")};
  CHECK(version_of(raw("me/model")) == "me/model:aaa");
  CHECK(version_of(raw("me/model")) == "me/model:aaa");
  CHECK(requests.size() == 1);
  CHECK(version_of(raw("me/other")) == "me/other:bbb"); // its own
  advance(5min, 1s);
  // Nobody waits until the next one is known.
  CHECK(version_of(raw("me/model")) == "me/model:aaa");
  CHECK(requests.size() == 3);
  CHECK(version_of(raw("me/model")) == "me/model:ccc");
  CHECK(requests.size() == 3);
}

TEST_CASE_METHOD(fixture, "a version of long ago is not served unasked",
                 "[provider_gateway]") {
  script = {versions("aaa"), versions("bbb")};
  CHECK(version_of(raw("me/model")) == "me/model:aaa");
  advance(1h + 5min, 1min);
  CHECK(version_of(raw("me/model")) == "me/model:bbb");
}

TEST_CASE_METHOD(fixture, "a provider that is silent keeps nobody waiting",
                 "[provider_gateway][Q8]") {
  script = {versions("aaa")};
  CHECK(version_of(raw("me/model")) == "me/model:aaa");
  advance(5min, 1s);
  // Nothing answers any more, so the script is over.
  CHECK(version_of(raw("me/model"), 1ms) == "me/model:aaa");
  CHECK(version_of(raw("me/model"), 1ms) == "me/model:aaa");
  CHECK(requests.size() == 2); // One question is enough.
  CHECK(requests[1].timeout == 4s);
  CHECK(version_of(raw("me/new"), 9s).starts_with("provider_timeout"));
  advance(2h, 1min);
  CHECK(version_of(raw("me/model"), 9s) == "me/model:aaa");
}

TEST_CASE_METHOD(fixture, "what a provider says of a token is not told",
                 "[provider_gateway]") {
  test::log_capture log;
  script = {versions("aaa")};
  CHECK(version_of(raw("me/model")) == "me/model:aaa");
  advance(2h, 1min);
  always = answered(401, R"({"detail":"Bearer r8_x is no good"})");
  CHECK(version_of(raw("me/other"), 10s)
        == "provider_unavailable: HTTP 401: Bearer *** is no good");
  CHECK(version_of(raw("me/model"), 10s) == "me/model:aaa");
  CHECK(log.contains("WARNING", "Bearer *** is no good"));
  CHECK(!log.contains("WARNING", "r8_x"));
}

TEST_CASE_METHOD(fixture, "one question serves all who wait for it",
                 "[provider_gateway]") {
  auto one = self->request(aut, 60min, raw("me/model"));
  auto two = self->request(aut, 60min, raw("me/model"));
  settle();
  CHECK(requests.size() == 1);
  answer_hanging(200, R"({"results":[{"id":"aaa"}]})");
  settle();
  int served = 0;
  for (auto* x : {&one, &two})
    x->receive(
      [&](const job_prepared& y) {
        served += y.input.version == "me/model:aaa" ? 1 : 0;
      },
      [](const caf::error&) {});
  CHECK(served == 2);
}

TEST_CASE_METHOD(fixture, "a model nobody knows is refused for what it is",
                 "[provider_gateway]") {
  script = {answered(404), answered(200, R"({"results":[]})")};
  CHECK(version_of(raw("me/model")).starts_with("validation_error: version"));
  CHECK(version_of(raw("me/model")).starts_with("validation_error: version"));
  // What is wrong without asking is said without asking.
  CHECK(version_of(trainer("h200")).starts_with("validation_error: hardware"));
  CHECK(requests.size() == 2);
}

TEST_CASE_METHOD(fixture, "a provider that cannot be asked refuses nothing",
                 "[provider_gateway][Q8]") {
  for (const auto& [status, code] : {std::pair{503, "provider_error"},
                                     std::pair{401, "provider_unavailable"},
                                     std::pair{429, "provider_throttled"}}) {
    always = answered(status);
    CHECK(version_of(raw("me/model"), 3min).starts_with(code));
  }
  always = versions("aaa");
  CHECK(version_of(raw("me/model"), 3min) == "me/model:aaa");
}

TEST_CASE_METHOD(fixture, "the last known version outlives an outage",
                 "[provider_gateway][Q8]") {
  test::log_capture log;
  script = {versions("aaa")};
  CHECK(version_of(raw("me/model")) == "me/model:aaa");
  advance(5min, 1s);
  always = answered(503);
  CHECK(version_of(raw("me/model"), 3min) == "me/model:aaa");
  CHECK(log.contains("WARNING", "Cannot ask for the newest version, using "
                                "me/model:aaa: provider_error: HTTP 503"));
  // That it is gone is no outage.
  always = answered(404);
  advance(2min, 1s);
  CHECK(version_of(raw("me/model"), 3min) == "me/model:aaa");
  CHECK(
    version_of(raw("me/model"), 3min).starts_with("validation_error: version"));
}

TEST_CASE_METHOD(fixture, "another account has other versions",
                 "[provider_gateway]") {
  script = {versions("aaa"), versions("bbb")};
  CHECK(version_of(raw("me/model")) == "me/model:aaa");
  set("api_base_url", R"("https://other.example/v1")");
  CHECK(version_of(raw("me/model")) == "me/model:bbb");
}

TEST_CASE_METHOD(fixture, "the versions of many models are not kept",
                 "[provider_gateway]") {
  constexpr auto kept = provider_account::versions_max;
  always = versions("aaa");
  for (size_t i = 0; i <= kept; ++i) {
    advance(1ms, 1ms);
    CHECK(version_of(raw("me/m" + std::to_string(i)), 1ms).ends_with(":aaa"));
  }
  CHECK(requests.size() == kept + 1);
  version_of(raw("me/m5"));
  CHECK(requests.size() == kept + 1);
  version_of(raw("me/m0")); // had first, made room
  CHECK(requests.size() == kept + 2);
}
