#include "actors/provider_gateway/simpletuner_io.hpp"
#include "tests/log_capture.hpp"
#include "tests/provider_fixture.hpp"

#include <nlohmann/json.hpp>

#include <random>

using namespace tunerd;
using namespace std::chrono_literals;
using json = nlohmann::json;
using test::answered;
using test::corr;
using test::step;
using enum submission_result;

namespace {

// As the service writes them.
const std::string created = R"({"id":"job_01","status":"pending",
  "attempt_id":"att_01","estimated_cost_cents":250,
  "estimated_total_cents":300})";
const std::string two_attempts = R"({"job":{"id":"job_01","status":"retrying",
  "created_at":"2025-03-01T10:00:00Z"},"attempts":[
  {"id":"att_02","attempt_number":2,"status":"training",
   "started_at":"2025-03-01T10:20:00Z",
   "training_started_at":"2025-03-01T10:25:00Z","ended_at":null,
   "failure_reason":null},
  {"id":"att_01","attempt_number":1,"status":"preempted",
   "started_at":"2025-03-01T10:05:00Z",
   "training_started_at":"2025-03-01T10:06:00Z",
   "ended_at":"2025-03-01T10:10:00Z","failure_reason":"spot capacity"}]})";
const std::string over = R"({"job":{"id":"job_01","status":"running",
  "created_at":"2025-03-01T10:00:00Z"},"attempts":[
  {"id":"att_01","attempt_number":1,"status":"failed",
   "started_at":"2025-03-01T10:05:00Z","training_started_at":null,
   "ended_at":"2025-03-01T10:10:00Z","failure_reason":"out of memory"}]})";

step pass(const std::string& token, int seconds = 3'600) {
  return answered(
    200, json{{"access_token", token}, {"expires_in", seconds}}.dump());
}

/// The gateway with an account at simpletuner.io.
struct io_fixture : test::provider_fixture {
  io_fixture()
    : provider_fixture([](auto& x) {
        x.simpletuner_io.refresh_token = "rt_secret";
        x.simpletuner_io.org_id = "5";
      }) {
  }

  static get_provider_job io_query(bool with_logs = false) {
    return {corr, "simpletuner_io", "job_01", {}, with_logs};
  }

  static submit_to_provider io_submission() {
    return {corr, "simpletuner_io", "j1", {{}, R"({"config":{}})"}};
  }

  caf::expected<provider_job_found> look_up(caf::timespan time = 10s) {
    return ask_for<provider_job_found>(io_query(), time);
  }

  caf::expected<job_prepared> prepare(const prepare_job& request) {
    return ask_for<job_prepared>(request, 0s);
  }

  std::string token_of(size_t i) {
    return header(requests.at(i).headers, "authorization");
  }
};

prepare_job form() {
  prepare_job result{corr, "simpletuner_io"};
  result.config = R"({"steps":10})";
  result.dataloader_config = R"([{"id":"a"}])";
  return result;
}

simpletuner_io api() {
  return {read_provider_settings("simpletuner_io",
                                 file_of(config::simpletuner_io{}, {}), {}),
          {}};
}

http_response answer(int status, const std::string& body) {
  return {corr, http_transfer::answered, status, {}, body, {}};
}

timestamp at(int64_t seconds) {
  return timestamp{std::chrono::seconds{seconds}};
}

/// Thirty jobs, a day apart, the newest first unless `shuffled`; the last one
/// is the oldest in either case.
std::string many(bool shuffled) {
  json items = json::array();
  for (int day = 30; day > 0; --day) {
    const auto shown = shuffled && day > 2 ? 33 - day : day;
    items.push_back({{"id", "job_" + std::to_string(day)},
                     {"status", "running"},
                     {"created_at", (shown < 10 ? "2025-01-0" : "2025-01-")
                                      + std::to_string(shown) + "T09:00:00Z"}});
  }
  return json{{"items", items}}.dump();
}

} // namespace

// -- passes -------------------------------------------------------------------

TEST_CASE_METHOD(io_fixture,
                 "the first call signs in, all others go on with it",
                 "[simpletuner_io][W6]") {
  script
    = {pass("at_1"), answered(200, two_attempts), answered(200, two_attempts)};
  REQUIRE(look_up());
  REQUIRE(look_up());
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].method == "POST");
  CHECK(requests[0].url == "https://simpletuner.io/v1/auth/cli/token");
  CHECK(json::parse(requests[0].body)
        == json{{"refresh_token", "rt_secret"}, {"org_id", 5}});
  CHECK(token_of(0).empty());
  CHECK(requests[1].url == "https://simpletuner.io/v1/jobs/job_01");
  CHECK(token_of(1) == "Bearer at_1");
  CHECK(token_of(2) == "Bearer at_1");
  for (const auto& request : requests)
    CHECK(request.ctx.correlation_id == "corr-1");
}

TEST_CASE_METHOD(io_fixture, "calls that come together sign in once",
                 "[simpletuner_io]") {
  for (int i = 0; i < 10; ++i)
    caf::anon_send(aut, io_query());
  settle();
  CHECK(requests.size() == 1);
  always = answered(200, two_attempts);
  answer_hanging(200, R"({"access_token":"at_1","expires_in":3600})");
  settle();
  REQUIRE(requests.size() == 11);
  CHECK(token_of(10) == "Bearer at_1");
}

TEST_CASE_METHOD(io_fixture, "a pass is renewed a minute before its end",
                 "[simpletuner_io]") {
  script = {pass("at_1", 600), answered(200, two_attempts)};
  REQUIRE(look_up(0s));
  advance(538s, 1s);
  script = {answered(200, two_attempts)};
  REQUIRE(look_up(2s));
  script = {pass("at_2", 600), answered(200, two_attempts)};
  REQUIRE(look_up(0s));
  CHECK(requests.size() == 5);
  CHECK(token_of(4) == "Bearer at_2");
}

TEST_CASE_METHOD(io_fixture, "a pass that is no good is dropped, once",
                 "[simpletuner_io]") {
  script
    = {pass("at_1"), answered(401), pass("at_2"), answered(200, two_attempts)};
  REQUIRE(look_up());
  CHECK(token_of(1) == "Bearer at_1");
  CHECK(token_of(3) == "Bearer at_2");
  script = {answered(401), pass("at_3"), answered(401)};
  const auto refused = look_up();
  REQUIRE(!refused);
  CHECK(code_of(refused.error()) == ec::provider_unavailable);
  CHECK(requests.size() == 7);
}

TEST_CASE_METHOD(io_fixture, "calls that lose the same pass sign in once",
                 "[simpletuner_io]") {
  script = {pass("at_1"), answered(200, two_attempts)};
  REQUIRE(look_up(0s));
  for (int i = 0; i < 5; ++i)
    caf::anon_send(aut, io_query());
  settle();
  CHECK(requests.size() == 7);
  always = answered(200, two_attempts);
  script = {pass("at_2")};
  answer_hanging(401, "{}");
  settle();
  CHECK(requests.size() == 7 + 1 + 5);
  CHECK(token_of(7).empty());
  CHECK(token_of(12) == "Bearer at_2");
}

TEST_CASE_METHOD(io_fixture, "a submission with a stale pass is written anew",
                 "[simpletuner_io][Q3]") {
  script = {pass("at_1"), answered(401), pass("at_2"), answered(201, created)};
  const auto outcome = ask<submission_outcome>(aut, io_submission());
  CHECK(outcome.result == accepted);
  CHECK(outcome.seen.external_id == "job_01");
  CHECK(outcome.seen.status == job_status::pending);
  CHECK(outcome.seen.cost_micros == int64_t{3'000'000});
}

TEST_CASE("a cost is a sane number of cents", "[simpletuner_io]") {
  const auto cost = [](const std::string& fields) {
    return api()
      .read_submission(answer(201, R"({"id":"x")" + fields + "}"), at(0))
      .seen.cost_micros;
  };
  CHECK(cost(R"(,"estimated_cost_cents":250)") == int64_t{2'500'000});
  CHECK(cost(R"(,"estimated_total_cents":null,"estimated_cost_cents":1)")
        == int64_t{10'000});
  for (const auto* wrong :
       {"", R"(,"estimated_total_cents":"5")", R"(,"estimated_total_cents":-1)",
        R"(,"estimated_total_cents":1.5)",
        R"(,"estimated_total_cents":18446744073709551615)",
        R"(,"estimated_total_cents":1000000001)"}) {
    INFO(wrong);
    CHECK(!cost(wrong));
  }
}

TEST_CASE_METHOD(io_fixture, "a job may name a runtime of its own",
                 "[simpletuner_io]") {
  script = {pass("at_1"), answered(201, created)};
  auto command = io_submission();
  command.input.max_runtime = 90min;
  CHECK(ask<submission_outcome>(aut, command).result == accepted);
  CHECK(json::parse(requests.at(1).body)["max_runtime_minutes"] == 90);
}

TEST_CASE_METHOD(io_fixture, "a refused credential parks the provider",
                 "[simpletuner_io][Q8]") {
  for (const int status : {400, 401, 403}) {
    INFO(status);
    requests.clear();
    script = {answered(status, R"({"detail":"bad token rt_secret"})")};
    const auto outcome = ask<submission_outcome>(aut, io_submission());
    CHECK(outcome.result == unavailable);
    CHECK(outcome.ctx.correlation_id == "corr-1");
    CHECK(outcome.reason == "HTTP 401: bad token ***");
    // It is not offered again and again.
    CHECK(ask<submission_outcome>(aut, io_submission()).result == unavailable);
    CHECK(requests.size() == 1);
    advance(30s, 1s);
  }
  script = {pass("at_1"), answered(201, created)};
  CHECK(ask<submission_outcome>(aut, io_submission()).result == accepted);
}

TEST_CASE_METHOD(io_fixture, "trouble with signing in is no doubt about a job",
                 "[simpletuner_io][Q3]") {
  for (const auto& next :
       {answered(503), answered(200, "<html>"), step{http_transfer::lost},
        answered(429, "{}", {{"retry-after", "1"}})}) {
    script = {next};
    const auto outcome = ask<submission_outcome>(aut, io_submission());
    CHECK(outcome.result == not_accepted);
    advance(2s);
  }
}

TEST_CASE_METHOD(io_fixture,
                 "a submission that waited too long for its pass "
                 "is not written",
                 "[simpletuner_io][Q3]") {
  auto pending = self->request(aut, 60min, io_submission());
  settle();
  advance(11s);
  answer_hanging(200, R"({"access_token":"at_1","expires_in":3600})");
  settle();
  submission_outcome outcome;
  pending.receive([&](submission_outcome& x) { outcome = x; },
                  [](caf::error&) {});
  CHECK(outcome.result == not_accepted);
  CHECK(requests.size() == 1);
}

TEST_CASE_METHOD(io_fixture, "signing in waits as long as it is told",
                 "[simpletuner_io][P9]") {
  script = {answered(429, "{}", {{"retry-after", "20"}})};
  auto outcome = ask<submission_outcome>(aut, io_submission());
  CHECK(outcome.result == not_accepted);
  CHECK(outcome.retry_after == 20s);
  outcome = ask<submission_outcome>(aut, io_submission());
  CHECK(outcome.result == not_accepted);
  const auto found = look_up(0s);
  REQUIRE(!found);
  CHECK(code_of(found.error()) == ec::provider_throttled);
  CHECK(requests.size() == 1);
  advance(20s);
  script = {pass("at_1"), answered(201, created)};
  CHECK(ask<submission_outcome>(aut, io_submission()).result == accepted);
}

TEST_CASE_METHOD(io_fixture, "a 429 that names no time is throttling, too",
                 "[simpletuner_io][P9]") {
  script = {answered(429)};
  const auto outcome = ask<submission_outcome>(aut, io_submission());
  CHECK(outcome.result == not_accepted);
  CHECK(outcome.retry_after == 1s); // so nobody has to act
  CHECK(ask<submission_outcome>(aut, io_submission()).retry_after == 1s);
  CHECK(requests.size() == 1);
  advance(1s);
  script = {pass("at_1"), answered(429)};
  CHECK(ask<submission_outcome>(aut, io_submission()).retry_after >= 1s);
}

TEST_CASE_METHOD(io_fixture, "a pass of another account is not used",
                 "[simpletuner_io][W5]") {
  const auto ask_later = [this] {
    auto answer = self->request(aut, 60min, io_query());
    settle();
    return answer;
  };
  auto before = ask_later();
  stored["provider.simpletuner_io.org_id"] = "6";
  self->send(aut, settings_changed{{"corr-set"}, "provider.simpletuner_io."});
  settle();
  auto after = ask_later();
  CHECK(requests.size() == 1);
  script = {pass("at_2"), answered(200, two_attempts)};
  answer_hanging(200, R"({"access_token":"at_1","expires_in":3600})");
  settle();
  REQUIRE(requests.size() == 3);
  CHECK(json::parse(requests[1].body)["org_id"] == 6);
  CHECK(token_of(2) == "Bearer at_2");
  before.receive([](provider_job_found&) { FAIL("made for the other one"); },
                 [](caf::error& err) {
                   CHECK(render(err).find("settings of simpletuner_io changed")
                         != std::string::npos);
                 });
  after.receive([](provider_job_found&) {},
                [](caf::error& err) { FAIL(render(err)); });
}

TEST_CASE_METHOD(io_fixture, "signing in has a breaker of its own",
                 "[simpletuner_io][W6]") {
  for (int i = 0; i < 6; ++i) {
    script = {answered(500)};
    look_up(0s);
  }
  CHECK(requests.size() == 5);
  for (const auto& x : ask<breaker_list>(aut, get_breakers{corr}).breakers) {
    INFO(x.name);
    CHECK((x.phase == breaker_phase::open)
          == (x.name == "simpletuner-io-auth"));
  }
}

TEST_CASE_METHOD(io_fixture, "neither token nor pass reaches log or answer",
                 "[simpletuner_io][W4]") {
  test::log_capture log;
  script = {answered(401, R"({"detail":"rt_secret"})")};
  const auto refused = look_up(0s);
  REQUIRE(!refused);
  CHECK(render(refused.error()).find("rt_secret") == std::string::npos);
  advance(1min, 1s);
  script = {pass("at_secret"), answered(200, two_attempts)};
  REQUIRE(look_up(0s));
  CHECK(log.contains("WARNING", "Signing in to simpletuner_io failed: "
                                "provider_unavailable: HTTP 401: ***"));
  for (const auto& line : log.lines())
    for (const auto* hidden : {"rt_secret", "at_secret"})
      CHECK(line.text.find(hidden) == std::string::npos);
}

TEST_CASE("without a token there is no such provider", "[simpletuner_io]") {
  struct plain_fixture : test::provider_fixture {
    ec code() {
      return code_of(ask_error<provider_job_found>(
        aut, get_provider_job{corr, "simpletuner_io", "job_01"}));
    }
  } plain;
  CHECK(plain.code() == ec::unknown_provider);
}

// -- calls --------------------------------------------------------------------

TEST_CASE_METHOD(io_fixture, "a submission says how long it may run",
                 "[simpletuner_io]") {
  auto prepared = prepare(form());
  REQUIRE(prepared);
  CHECK(prepared->longest_run == 7 * 24h); // it may ask for that much
  CHECK(prepared->rate_nanos_per_second == 0);
  CHECK(prepared->hardware_profile.empty());
  script = {pass("at_1"), answered(201, created)};
  auto command = io_submission();
  command.input = prepared->input;
  CHECK(ask<submission_outcome>(aut, command).result == accepted);
  CHECK(requests.at(1).url == "https://simpletuner.io/v1/jobs");
  CHECK(json::parse(requests.at(1).body)
        == json{{"max_runtime_minutes", 60},
                {"config", {{"steps", 10}}},
                {"dataloader_config", {{{"id", "a"}}}}});
}

TEST_CASE_METHOD(io_fixture, "a config may say how its job runs",
                 "[simpletuner_io]") {
  auto request = form();
  for (const auto* config :
       {R"({"max_runtime_minutes":90,"resume_from_checkpoint":"ck_1"})",
        R"({"--max_runtime_minutes":90,"--resume_from_checkpoint":"ck_1"})"}) {
    INFO(config);
    request.config = config;
    const auto prepared = prepare(request);
    REQUIRE(prepared);
    const auto body = json::parse(prepared->input.body);
    CHECK(body["max_runtime_minutes"] == 90);
    CHECK(body["resume_from_checkpoint"] == "ck_1");
  }
  request.config = R"({"max_runtime_minutes":20000})";
  CHECK(!prepare(request));
}

TEST_CASE_METHOD(io_fixture, "a raw input is the request", "[simpletuner_io]") {
  prepare_job request{corr, "simpletuner_io"};
  request.input = R"({"config":{},"dataloader_config":[],
    "max_runtime_minutes":240,"resume_from_checkpoint":"ck_1"})";
  const auto prepared = prepare(request);
  REQUIRE(prepared);
  CHECK(json::parse(prepared->input.body)["max_runtime_minutes"] == 240);
  CHECK(json::parse(prepared->input.body)["resume_from_checkpoint"] == "ck_1");
  for (const auto* wrong :
       {"[]", R"({"config":{}})", R"({"config":[],"dataloader_config":[]})",
        R"({"config":{},"dataloader_config":[],"max_runtime_minutes":0})",
        R"({"config":{},"dataloader_config":[],"max_runtime_minutes":"1"})",
        R"({"config":{"a":"${secret:GONE}"},"dataloader_config":[]})"}) {
    INFO(wrong);
    request.input = wrong;
    const auto refused = prepare(request);
    REQUIRE(!refused);
    CHECK(code_of(refused.error()) == ec::validation_error);
  }
}

TEST_CASE_METHOD(io_fixture, "what the service does not have is refused",
                 "[simpletuner_io]") {
  for (const auto field :
       {&prepare_job::version, &prepare_job::hardware_profile,
        &prepare_job::webhook_url, &prepare_job::input}) {
    auto request = form();
    request.*field = "h100";
    const auto refused = prepare(request);
    REQUIRE(!refused);
    CHECK(code_of(refused.error()) == ec::validation_error);
  }
}

TEST_CASE_METHOD(io_fixture, "the highest attempt tells how a job is",
                 "[simpletuner_io]") {
  script = {pass("at_1"), answered(200, two_attempts)};
  const auto found = look_up();
  REQUIRE(found);
  CHECK(requests.size() == 2); // a running job's logs are asked for on demand
  CHECK(found->seen.status == job_status::running);
  CHECK(found->seen.raw_status == "training");
  CHECK(found->seen.started_at == at(1'740'824'700));
  CHECK(!found->seen.completed_at);
  CHECK(!found->seen.cost_micros);
  CHECK(found->seen.error_message.empty());
}

TEST_CASE_METHOD(io_fixture, "a job that is over comes with its logs",
                 "[simpletuner_io]") {
  script = {pass("at_1"), answered(200, over),
            answered(200, R"({"logs":"step 1/10\nkilled"})")};
  auto found = look_up();
  REQUIRE(found);
  CHECK(requests.at(2).url == "https://simpletuner.io/v1/jobs/job_01/logs");
  CHECK(found->seen.status == job_status::failed);
  CHECK(found->seen.error_message == "out of memory");
  CHECK(found->seen.started_at == at(1'740'823'500));
  CHECK(found->seen.completed_at == at(1'740'823'800));
  CHECK(found->seen.logs == "step 1/10\nkilled");
  // Its end counts more than its logs.
  script = {answered(200, over), answered(404)};
  found = look_up();
  REQUIRE(found);
  CHECK(found->seen.status == job_status::failed);
  CHECK(found->seen.logs.empty());
}

TEST_CASE("every status has its place", "[simpletuner_io][P6][P7]") {
  const auto status = [](const std::string& name) {
    const json body{{"job", {{"id", "x"}, {"status", name}}},
                    {"attempts", json::array()}};
    return api()
      .read_job(answer(200, body.dump()), {corr, "simpletuner_io", "x"})
      ->status;
  };
  using enum job_status;
  const std::vector<std::pair<const char*, job_status>> table{
    {"pending", pending},
    {"created", pending},
    {"provisioning", pending},
    {"retrying", pending},
    {"waiting_for_capacity", queued},
    {"queued", queued},
    {"running", running},
    {"Training", running},
    {"cancelling", running},
    {"completed", completed},
    {"failed", failed},
    {"preempted", failed},
    {"canceled", cancelled},
    {"cancelled", cancelled}};
  for (const auto& [name, wanted] : table) {
    INFO(name);
    CHECK(status(name) == wanted);
  }
  CHECK(!status("hibernating"));
}

TEST_CASE("a list is whole or an error", "[simpletuner_io][Q3]") {
  const auto page = [](size_t count, int64_t oldest) {
    json items = json::array();
    for (size_t i = 0; i < count; ++i)
      items.push_back(
        {{"id", "job_" + std::to_string(i)},
         {"status", "running"},
         {"current_attempt_status", i == 0 ? "completed" : ""},
         {"created_at",
          i + 1 == count ? "2025-03-01T09:00:00Z" : "2025-03-01T11:00:00Z"}});
    list_provider_jobs query{corr, "simpletuner_io", at(oldest)};
    return api().read_page(answer(200, json{{"items", items}}.dump()), query);
  };
  constexpr int64_t ten = 1'740'823'200;
  const auto few = page(3, ten);
  REQUIRE(few);
  REQUIRE(few->jobs.size() == 2); // the third is older than asked for
  CHECK(few->next.empty());
  CHECK(few->jobs[0].status == job_status::completed);
  CHECK(few->jobs[1].status == job_status::running);
  CHECK(few->jobs[0].input.empty());
  CHECK(page(100, ten));        // full, but it reaches back
  CHECK(page(19, ten - 7'200)); // nobody cuts that off
  for (const size_t count : {20, 50, 100}) {
    const auto cut = page(count, ten - 7'200); // there may be more
    REQUIRE(!cut);
    CHECK(code_of(cut.error()) == ec::not_found);
  }
  // The newest ones are whatever comes.
  CHECK(api().read_page(answer(200, many(false)), {}));
  // In any other order the oldest one says nothing about the rest.
  const list_provider_jobs recent{corr, "simpletuner_io", at(ten)};
  CHECK(api().read_page(answer(200, many(false)), recent));
  CHECK(!api().read_page(answer(200, many(true)), recent));
  CHECK(!api().read_page(answer(200, "{}"), {}));
  CHECK(!api().read_page(answer(200, R"({"items":[{"status":"x"}]})"), {}));
  CHECK(!api().listing({corr, "simpletuner_io", {}, "2"}));
}

TEST_CASE_METHOD(io_fixture, "a cancellation may come too late",
                 "[simpletuner_io]") {
  const cancel_provider_job command{corr, "simpletuner_io", "job_01"};
  script = {pass("at_1"), answered(200, R"({"status":"cancelling"})")};
  const auto taken = ask<provider_job_cancelled>(aut, command);
  CHECK(taken.seen.raw_status == "cancelling");
  CHECK(taken.seen.status == job_status::running);
  CHECK(requests.at(1).url == "https://simpletuner.io/v1/jobs/job_01/cancel");
  script = {answered(409, R"({"message":"already completed"})")};
  const auto refused = ask_for<provider_job_cancelled>(command, 0s);
  REQUIRE(!refused);
  CHECK(render(refused.error())
        == "provider_error: HTTP 409: already completed");
}

TEST_CASE_METHOD(io_fixture, "the account is shown without its tokens",
                 "[simpletuner_io][W4]") {
  script = {pass("at_1"),
            answered(200, R"({"user_id":7,"org_id":5,"org_role":"admin",
              "email":"a@b.c","refresh_token":"x"})")};
  const auto account
    = ask<provider_validated>(aut, validate_provider{corr, "simpletuner_io"});
  CHECK(account.valid);
  CHECK(json::parse(account.user_info)
        == json{{"user_id", 7},
                {"org_id", 5},
                {"org_role", "admin"},
                {"email", "a@b.c"}});
}

TEST_CASE_METHOD(io_fixture, "its webhooks are refused", "[simpletuner_io]") {
  read_webhook query{corr, "simpletuner_io", {}};
  query.headers = {{"webhook-id", "m1"},
                   {"webhook-timestamp",
                    std::to_string(std::chrono::floor<std::chrono::seconds>(
                                     now().time_since_epoch())
                                     .count())},
                   {"webhook-signature", "v1,AAAA"}};
  CHECK(code_of(ask_error<webhook_read>(aut, query))
        == ec::provider_unavailable);
  CHECK(requests.empty());
}

TEST_CASE("no answer of simpletuner.io makes a reader throw",
          "[simpletuner_io]") {
  const std::string letters = R"({}[]":,0123null idstatujobamp_)";
  std::mt19937_64 random{Catch::rngSeed()};
  const auto client = api();
  for (int i = 0; i < 2'000; ++i) {
    auto body = i % 2 == 0 ? two_attempts : over;
    for (int j = 0; j < 4; ++j)
      body[random() % body.size()] = letters[random() % letters.size()];
    if (i % 5 == 0)
      body.resize(random() % body.size());
    INFO("seed " << Catch::rngSeed() << ": " << body);
    const auto response = answer(i % 7 == 0 ? 404 : 200, body);
    CHECK_NOTHROW(client.read_job(response, {corr, "x", "job_01"}));
    CHECK_NOTHROW(client.read_page(response, {}));
    CHECK_NOTHROW(client.read_submission(response, at(0)));
    CHECK_NOTHROW(client.read_cancelled(response, {corr, "x", "y"}));
    CHECK_NOTHROW(client.read_account(response));
    CHECK_NOTHROW(client.read_pass(response));
    CHECK_NOTHROW(client.read_logs(response));
  }
}
