#include "tests/log_capture.hpp"
#include "tests/provider_fixture.hpp"

#include <nlohmann/json.hpp>

using namespace tunerd;
using namespace std::chrono_literals;
using test::answered;
using test::corr;
using test::running;
using test::step;
using json = nlohmann::json;
using fixture = test::provider_fixture;
using enum submission_result;

// -- submissions --------------------------------------------------------------

TEST_CASE_METHOD(fixture,
                 "an accepted submission tells how the provider has it",
                 "[provider_gateway]") {
  const auto outcome = submit(answered(201, running));
  CHECK(outcome.result == accepted);
  CHECK(outcome.seen.external_id == "p1");
  CHECK(outcome.seen.status == job_status::running);
  CHECK(outcome.seen.input.empty());
  CHECK(outcome.ctx.correlation_id == "corr-1");
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].method == "POST");
}

TEST_CASE_METHOD(fixture, "each way a submission can end is told apart",
                 "[provider_gateway][Q3][Q8]") {
  const std::vector<std::pair<step, submission_result>> table{
    {answered(201, running), accepted},
    {answered(201, "<html>"), in_doubt},
    {answered(200, "{}"), in_doubt},
    {{http_transfer::not_sent}, not_accepted},
    {{http_transfer::lost}, in_doubt},
    {answered(408), in_doubt},
    {answered(500), in_doubt},
    {answered(503), in_doubt},
    {answered(302), in_doubt},
    {answered(422), refused},
    {answered(404), refused},
    {answered(401), unavailable},
    {answered(402), unavailable},
    {answered(403), unavailable},
    {answered(429), not_accepted},
    {{.failure = make_error(ec::overloaded, "full")}, not_accepted},
    {{.failure = make_error(ec::worker_restarting, "")}, not_accepted},
    {{.failure = caf::make_error(caf::sec::runtime_error)}, in_doubt},
  };
  for (const auto& [next, result] : table) {
    INFO(static_cast<int>(next.transfer) << " " << next.status);
    const auto outcome = submit(next);
    CHECK(outcome.result == result);
    CHECK(outcome.reason.empty() == (result == accepted));
    advance(1s); // for which a 429 keeps the next one back
  }
  // Whatever came back, each was tried once.
  advance(1min);
  CHECK(requests.size() == table.size());
}

TEST_CASE_METHOD(fixture, "a submission nobody answers is in doubt",
                 "[provider_gateway][Q3]") {
  const auto outcome = ask_for<submission_outcome>(submission(), 33s);
  REQUIRE(outcome);
  CHECK(outcome->result == in_doubt);
  advance(5min);
  CHECK(requests.size() == 1);
}

TEST_CASE_METHOD(fixture, "a submission whose client died is in doubt",
                 "[provider_gateway][Q3]") {
  caf::anon_send_exit(spawned[0], caf::exit_reason::kill);
  settle();
  const auto outcome = ask<submission_outcome>(aut, submission());
  CHECK(outcome.result == in_doubt);
}

TEST_CASE_METHOD(fixture, "a refused submission passes the asked wait on",
                 "[provider_gateway][P9]") {
  CHECK(submit(answered(429, "{}", {{"retry-after", "7"}})).retry_after == 7s);
  advance(7s);
  CHECK(submit(answered(429)).retry_after >= 1s); // ours where it names none
}

TEST_CASE_METHOD(fixture, "a submission to nobody is refused",
                 "[provider_gateway]") {
  auto command = submission();
  command.provider = "nobody";
  CHECK(ask<submission_outcome>(aut, command).result == refused);
  CHECK(requests.empty());
}

TEST_CASE_METHOD(fixture, "secrets are resolved in the request only",
                 "[provider_gateway][W4]") {
  secrets["HF_TOKEN"] = "hf_clear";
  script = {answered(422, R"({"detail":"bad token hf_clear"})")};
  const auto outcome = ask<submission_outcome>(
    aut, submission(R"({"hf_token":"${secret:HF_TOKEN}"})"));
  REQUIRE(requests.size() == 1);
  CHECK(json::parse(requests[0].body)["input"]["hf_token"] == "hf_clear");
  CHECK(outcome.result == refused);
  CHECK(outcome.reason == "HTTP 422: bad token ***");
  CHECK(requests[0].ctx.fields == corr.fields);
}

TEST_CASE_METHOD(fixture, "a submission whose secret is gone is not sent",
                 "[provider_gateway]") {
  const auto outcome
    = ask<submission_outcome>(aut, submission(R"({"a":"${secret:GONE}"})"));
  CHECK(outcome.result == refused);
  CHECK(outcome.reason.find("GONE") != std::string::npos);
  CHECK(requests.empty());
}

// -- preparing ----------------------------------------------------------------

TEST_CASE_METHOD(fixture, "preparing makes no call and keeps secrets closed",
                 "[provider_gateway][W4]") {
  secrets["HF_TOKEN"] = "hf_clear";
  prepare_job request{corr, "replicate"};
  request.input = R"({"hf_token":"${secret:HF_TOKEN}"})";
  const auto prepared = ask<job_prepared>(aut, request);
  CHECK(prepared.input.body == request.input);
  CHECK(prepared.input.version == "5f2");
  request.input = R"({"a":"${secret:GONE}"})";
  CHECK(code_of(ask_error<job_prepared>(aut, request)) == ec::validation_error);
  request.provider = "nobody";
  CHECK(code_of(ask_error<job_prepared>(aut, request)) == ec::unknown_provider);
  CHECK(requests.empty());
}

// -- queries and cancellations ------------------------------------------------

TEST_CASE_METHOD(fixture, "a look-up costs by the job's own profile",
                 "[provider_gateway][W5]") {
  for (const auto& [profile, micros] :
       std::vector<std::pair<std::string, int64_t>>{
         {"h100", 3'050}, {"h100-x8", 24'400}, {"l40s", 1'944}}) {
    script = {answered(200, running)};
    const auto found = ask<provider_job_found>(aut, query(profile));
    CHECK(found.seen.cost_micros == micros);
    CHECK(found.ctx.correlation_id == "corr-1");
  }
}

TEST_CASE_METHOD(fixture, "every call carries its work's correlation id",
                 "[provider_gateway][L3][W6]") {
  script
    = {answered(201, running), answered(200, running),
       answered(200, R"({"results":[],"next":null})"), answered(200, running)};
  ask<submission_outcome>(aut, submission());
  ask<provider_job_found>(aut, query());
  ask<provider_job_page>(aut, list_provider_jobs{corr, "replicate"});
  ask<provider_job_cancelled>(aut,
                              cancel_provider_job{corr, "replicate", "p1"});
  REQUIRE(requests.size() == 4);
  for (const auto& request : requests) {
    CHECK(request.ctx.correlation_id == "corr-1");
    CHECK(request.timeout == 30s);
    CHECK(header(request.headers, "authorization") == "Bearer r8_x");
  }
}

TEST_CASE_METHOD(fixture, "a look-up is tried three times with growing pauses",
                 "[provider_gateway]") {
  script = {answered(503), {http_transfer::lost}, answered(200, running)};
  const auto found = ask_for<provider_job_found>(query(), 5s);
  REQUIRE(found);
  REQUIRE(asked_at.size() == 3);
  CHECK(asked_at[1] - asked_at[0] == 1s);
  CHECK(asked_at[2] - asked_at[1] == 2s);
  for (const auto& request : requests)
    CHECK(request.ctx.correlation_id == "corr-1");
}

TEST_CASE_METHOD(fixture, "jitter makes a pause up to a quarter longer",
                 "[provider_gateway]") {
  random = 2'500;
  script = {answered(500), answered(500), answered(200, running)};
  REQUIRE(ask_for<provider_job_found>(query(), 5s));
  CHECK(asked_at[1] - asked_at[0] == 1'300ms); // 1.25 s on a 0.1 s grid
  CHECK(asked_at[2] - asked_at[1] == 2'500ms);
}

TEST_CASE_METHOD(fixture, "a pause is as long as the provider asks",
                 "[provider_gateway][P9]") {
  script
    = {answered(429, R"({"detail":"resets in ~8s."})"), answered(200, running)};
  REQUIRE(ask_for<provider_job_found>(query(), 10s));
  CHECK(asked_at[1] - asked_at[0] == 8s);
}

TEST_CASE_METHOD(fixture, "after three tries the last failure is the answer",
                 "[provider_gateway]") {
  CHECK(code_after({answered(500), answered(500), answered(429)})
        == ec::provider_throttled);
  CHECK(code_after({answered(429), answered(502), answered(504)})
        == ec::provider_error);
  submit(answered(201, running)); // Or the breaker would open.
  CHECK(code_after({answered(503), answered(503), {http_transfer::lost}})
        == ec::provider_timeout);
  CHECK(requests.size() == 10);
  submit(answered(201, running));
  CHECK(code_after({}, 120s) == ec::provider_timeout);
}

TEST_CASE_METHOD(fixture, "a permanent failure is answered at once",
                 "[provider_gateway]") {
  CHECK(code_after({answered(404)}) == ec::no_such_provider_job);
  CHECK(code_after({answered(401)}) == ec::provider_unavailable);
  CHECK(code_after({answered(402)}) == ec::provider_unavailable);
  CHECK(code_after({answered(403)}) == ec::provider_unavailable);
  CHECK(code_after({answered(400)}) == ec::provider_error);
  CHECK(code_after({answered(200, "<html>")}) == ec::provider_error);
  CHECK(requests.size() == 6);
}

TEST_CASE_METHOD(fixture, "a listing is asked page by page",
                 "[provider_gateway]") {
  const std::string next = "https://api.replicate.com/v1/predictions?cursor=2";
  script = {answered(200, R"({"results":[)" + running + R"(],"next":")" + next
                            + R"("})"),
            answered(200, R"({"results":[],"next":null})")};
  list_provider_jobs query{corr, "replicate", now()};
  const auto first = ask<provider_job_page>(aut, query);
  REQUIRE(first.jobs.size() == 1);
  CHECK(first.jobs[0].input == R"({"a":1})");
  query.cursor = first.next;
  CHECK(ask<provider_job_page>(aut, query).next.empty());
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].url.find("created_after=") != std::string::npos);
  CHECK(requests[1].url == next);
}

TEST_CASE_METHOD(fixture, "the token follows no cursor to another host",
                 "[provider_gateway]") {
  list_provider_jobs query{corr, "replicate", {}, "https://evil.com/v1"};
  CHECK(code_of(ask_error<provider_job_page>(aut, query))
        == ec::provider_error);
  CHECK(requests.empty());
}

TEST_CASE_METHOD(fixture, "a cancellation is retried, but not where unknown",
                 "[provider_gateway]") {
  const cancel_provider_job command{corr, "replicate", "p1"};
  script = {answered(502), answered(404)};
  const auto gone = ask_for<provider_job_cancelled>(command, 5s);
  REQUIRE(!gone);
  CHECK(code_of(gone.error()) == ec::no_such_provider_job);
  script = {answered(200, R"({"id":"p1","status":"succeeded"})")};
  const auto over = ask<provider_job_cancelled>(aut, command);
  CHECK(over.seen.status == job_status::completed);
}

TEST_CASE_METHOD(fixture, "a job without external id is asked of nobody",
                 "[provider_gateway]") {
  CHECK(code_of(ask_error<provider_job_found>(
          aut, get_provider_job{corr, "replicate", ""}))
        == ec::no_such_provider_job);
  CHECK(code_of(ask_error<provider_job_cancelled>(
          aut, cancel_provider_job{corr, "replicate", ""}))
        == ec::no_such_provider_job);
  CHECK(requests.empty());
}

TEST_CASE_METHOD(fixture, "one slow call does not delay another",
                 "[provider_gateway][P3]") {
  auto slow = self->request(aut, 60min, query());
  settle();
  script = {answered(200, running)};
  ask<provider_job_found>(aut, query());
  CHECK(requests.size() == 2);
  answer_hanging(200, running);
  settle();
  bool found = false;
  slow.receive([&](provider_job_found&) { found = true; }, [](caf::error&) {});
  CHECK(found);
}

TEST_CASE_METHOD(fixture, "too many calls at once are refused",
                 "[provider_gateway]") {
  for (size_t i = 0; i < provider_gateway_state::calls_max; ++i)
    caf::anon_send(aut, query());
  settle();
  CHECK(code_of(ask_error<provider_job_found>(aut, query())) == ec::overloaded);
}

TEST_CASE_METHOD(fixture, "a stop in the middle of calls and pauses is clean",
                 "[provider_gateway]") {
  script = {answered(503)};
  caf::anon_send(aut, query());
  settle();
  caf::anon_send(aut, submission());
  settle();
  caf::anon_send_exit(aut, caf::exit_reason::user_shutdown);
  settle();
  answer_hanging(201, running);
  advance(2min);
  CHECK(requests.size() == 2);
}

// -- the log ------------------------------------------------------------------

TEST_CASE_METHOD(fixture, "each try is a line of its job with what came of it",
                 "[provider_gateway][L1][L3]") {
  test::log_capture log;
  script = {answered(503), {http_transfer::lost}, answered(200, running)};
  REQUIRE(ask_for<provider_job_found>(query(), 5s));
  INFO(log.messages());
  CHECK(
    log.contains("WARNING", "Attempt 1/3 failed, retrying in 1.00s: HTTP 503"));
  CHECK(log.contains("WARNING",
                     "Attempt 2/3 failed, retrying in 2.00s: broken wire"));
  const auto calls = log.lines_with("Provider call finished");
  REQUIRE(calls.size() == 3);
  CHECK(calls[0].level == "DEBUG");
  CHECK(calls[0].extra.at("operation") == "look_up");
  CHECK(calls[0].extra.at("method") == "GET");
  CHECK(calls[0].extra.at("status") == "503");
  CHECK(calls[0].extra.at("duration_ms") == "0");
  CHECK(calls[1].extra.at("failure") == "broken wire");
  CHECK(calls[2].extra.at("status") == "200");
  for (const auto& line : log.lines()) {
    CHECK(line.logger == "simpletuner.cloud.providers");
    CHECK(line.correlation_id == "corr-1");
    CHECK(line.extra.at("job_id") == "j1");
  }
}

TEST_CASE_METHOD(fixture, "giving up is said once", "[provider_gateway]") {
  test::log_capture log;
  CHECK(code_after({answered(500), answered(500), answered(502)})
        == ec::provider_error);
  CHECK(log.contains("ERROR", "All 3 attempts failed: HTTP 502"));
  CHECK(log.lines_with("attempts failed").size() == 1);
  log.clear();
  CHECK(code_after({answered(404)}) == ec::no_such_provider_job);
  CHECK(log.lines().size() == 1);
}

TEST_CASE_METHOD(fixture, "neither token nor input reaches the log",
                 "[provider_gateway][W4]") {
  test::log_capture log;
  secrets["HF_TOKEN"] = "hf_clear";
  for (const auto& next :
       {answered(201, running), answered(422, R"({"detail":"hf_clear"})"),
        answered(500, "hf_clear"), step{http_transfer::lost}}) {
    script = {next};
    ask<submission_outcome>(
      aut, submission(R"({"a":"my input","t":"${secret:HF_TOKEN}"})"));
  }
  CHECK(log.lines().size() == 4);
  for (const auto& line : log.lines())
    for (const auto* hidden : {"hf_clear", "r8_x", "my input", "secret:"})
      CHECK(line.text.find(hidden) == std::string::npos);
}

TEST_CASE("a call never takes longer than said", "[provider_gateway]") {
  CHECK(provider_call_max({}) == 30s + 3 * 32s + 75s);
  CHECK(submission_max({}) == 10s + 32s);
}
