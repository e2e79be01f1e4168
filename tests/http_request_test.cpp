#include "actors/http_gateway/guard.hpp"
#include "actors/http_gateway/queries.hpp"
#include "actors/http_gateway/reader.hpp"
#include "actors/http_gateway/request.hpp"
#include "actors/http_gateway/submission.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace tunerd;
using namespace tunerd::rest;
using nlohmann::json;

namespace {

constexpr unsigned seed = 20240115;

template <class T>
T good(or_refusal<T> x) {
  if (auto* bad = std::get_if<refusal>(&x))
    FAIL("refused: " << bad->message);
  return std::move(std::get<T>(x));
}

template <class T>
refusal bad(or_refusal<T> x) {
  REQUIRE(std::holds_alternative<refusal>(x));
  return std::get<refusal>(x);
}

const http_headers local{{"host", "127.0.0.1:8770"}};

/// @returns the status that `headers` get, 200 if they pass.
int judge(http_headers headers, bool has_body = false,
          const std::vector<std::string>& allowed = {}) {
  const auto x = guard(headers, has_body, {.allowed_hosts = allowed});
  return x ? x->status : 200;
}

http_headers with(std::string key, std::string value) {
  auto out = local;
  out.emplace_back(std::move(key), std::move(value));
  return out;
}

std::string random_bytes(std::mt19937& random, size_t length_max) {
  // Mostly what parsers look at, so that they get far.
  static const std::string alphabet
    = "/?&=%+#.:[]{}\",\\ \n\0\x7f\xff\xc3 0123aefu-_~tn";
  std::string out;
  for (auto i = random() % (length_max + 1); i > 0; --i)
    out += random() % 4 == 0 ? static_cast<char>(random())
                             : alphabet[random() % alphabet.size()];
  return out;
}

/// @returns whether `x` becomes an error as every client expects it.
bool is_json_error(const refusal& x) {
  const auto reply = to_reply(x, "corr-1");
  const auto body = json::parse(reply.body, nullptr, false);
  return reply.status >= 400 && body.is_object() && body["error"].is_string()
         && body["detail"] == body["message"]
         && header(reply.headers, "X-Correlation-ID") == "corr-1";
}

const caller boss{.user_id = "local"};

submission submit_ok(const json& body, const caller& who = boss) {
  return good(parse_submission(body.dump(), "replicate", who));
}

refusal submit_bad(const json& body, const caller& who = boss) {
  return bad(parse_submission(body.dump(), "replicate", who));
}

} // namespace

// -- target -------------------------------------------------------------------

TEST_CASE("a target is taken apart and decoded", "[http_request]") {
  const auto x = good(parse_target("/api/jobs/a%2Fb+c/?x=1+2&y=%C3%A9&&z"));
  CHECK(x.path == std::vector<std::string>{"api", "jobs", "a/b+c"});
  CHECK(x.parameters == query{{"x", "1 2"}, {"y", "\xc3\xa9"}, {"z", ""}});
  CHECK(good(parse_target("/")).path.empty());
  CHECK(good(parse_target("/?")).path.empty());
}

TEST_CASE("a target out of bounds is refused", "[http_request]") {
  for (const std::string text :
       {"", "api", "http://localhost/api", "*", "/%", "/%4", "/%zz", "/a%00b",
        "/?a=%0d%0a", "/?a=1&a=2", "/?a=%"})
    CHECK(bad(parse_target(text)).status == 400);
  CHECK(bad(parse_target("/" + std::string(8192, 'a'))).status == 400);
  std::string deep, wide = "/?";
  for (int i = 0; i < 17; ++i)
    deep += "/a";
  for (int i = 0; i < 65; ++i)
    wide += "p" + std::to_string(i) + "&";
  CHECK(bad(parse_target(deep)).status == 400);
  CHECK(bad(parse_target(wide)).status == 400);
}

// -- guard --------------------------------------------------------------------

TEST_CASE("only names of this server are hosts", "[http_request]") {
  for (const auto* host : {"localhost", "LOCALHOST:1", "127.0.0.1", "[::1]",
                           "[::1]:8770", "127.0.0.1:8770", "localhost:"})
    CHECK(judge({{"host", host}}) == 200);
  for (const auto* host :
       {"", "evil.example", "localhost.evil.example", "localhost:x", "::1",
        "[::1]x", "[::1", "user@localhost", "127.0.0.2", "localhost:123456",
        "localhost, evil.example", "tunerd.lan"})
    CHECK(judge({{"host", host}}) == 403);
  CHECK(judge({}) == 403);
  CHECK(judge({{"host", "localhost"}, {"host", "localhost"}}) == 403);
  CHECK(judge({{"host", "tunerd.lan:80"}}, false, {"Tunerd.LAN"}) == 200);
}

TEST_CASE("web pages of other origins are refused", "[http_request]") {
  CHECK(judge(with("origin", "http://127.0.0.1:8770")) == 200);
  for (const auto* origin :
       {"http://127.0.0.1:3000", "http://127.0.0.1", "https://evil.example",
        "http://localhost:8770", "null", "", "file://", "http://",
        "http://127.0.0.1:8770.evil.example", "ftp://127.0.0.1:8770"})
    CHECK(judge(with("origin", origin)) == 403);
  CHECK(judge({{"host", "localhost"}, {"origin", "http://localhost:80"}})
        == 200);
  CHECK(
    judge({{"host", "a.lan"}, {"origin", "https://A.lan"}}, false, {"a.lan"})
    == 200);
  CHECK(judge(with("sec-fetch-site", "cross-site")) == 403);
  CHECK(judge(with("sec-fetch-site", " Cross-Site")) == 403);
  CHECK(judge(with("sec-fetch-site", "same-origin")) == 200);
  CHECK(judge(with("sec-fetch-site", "none")) == 200);
}

TEST_CASE("forwarded requests are refused while there are no tokens",
          "[http_request]") {
  for (const auto* name :
       {"forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-x"})
    CHECK(judge(with(name, "1.2.3.4")) == 403);
}

TEST_CASE("a body is JSON by its type or refused", "[http_request]") {
  CHECK(judge(local, true) == 415);
  CHECK(judge(with("content-type", "text/plain"), true) == 415);
  CHECK(judge(with("content-type", "application/jsonx"), true) == 415);
  CHECK(judge(with("content-type", "application/json"), true) == 200);
  CHECK(judge(with("content-type", "Application/JSON; charset=utf-8"), true)
        == 200);
}

TEST_CASE("a correlation id is taken only if it is one", "[http_request][L3]") {
  const auto read = [](const std::string& value) {
    return correlation_id_of({{"x-correlation-id", value}});
  };
  CHECK(read("abc.DEF_1:2-3") == "abc.DEF_1:2-3");
  CHECK(read(std::string(128, 'a')).size() == 128);
  CHECK(read(std::string(129, 'a')).empty());
  for (const auto* value : {"", "a b", "a\nb", "\xc3\xa9", "a\"b", "a/b"})
    CHECK(read(value).empty());
}

// -- routes -------------------------------------------------------------------

TEST_CASE("each route is found by its own template", "[http_request]") {
  for (const auto& line : routes()) {
    const auto path = good(parse_target(line.path)).path;
    const auto match = good(find_route(line.method, path));
    CHECK(match.found.path == line.path);
    CHECK(match.found.to == line.to);
  }
}

TEST_CASE("values of the path reach the handler", "[http_request]") {
  const auto x = good(find_route("POST", {"api", "cloud", "acme", "submit"}));
  CHECK(x.found.to == endpoint::submit_job);
  CHECK(x.parameters.at("provider") == "acme");
  const auto y = good(find_route("POST", {"api", "cloud", "jobs", "submit"}));
  CHECK(y.parameters.empty());
}

TEST_CASE("an unknown path is 404, a wrong method 405 with Allow",
          "[http_request]") {
  const auto none = bad(find_route("GET", {"api", "workers"}));
  CHECK(none.status == 404);
  CHECK(none.error == "not_found");
  CHECK(good(find_route("GET", {})).found.path == "/");
  CHECK(bad(find_route("GET", {"api", "cloud", "jobs", ""})).status == 404);
  const auto wrong = bad(find_route("PUT", {"api", "cloud", "jobs", "j1"}));
  CHECK(wrong.status == 405);
  CHECK(header(to_reply(wrong, "c").headers, "Allow") == "GET, DELETE");
}

TEST_CASE("a level below the route's is refused", "[http_request]") {
  const auto status
    = [](const char* method, const char* path, caller_level level) {
        request out{.who = {.user_id = "u", .level = level}};
        REQUIRE(!locate({.method = method, .target = path}, out));
        const auto x = permit(out);
        return x ? x->status : 200;
      };
  using enum caller_level;
  CHECK(status("GET", "/api/cloud/jobs", viewer) == 200);
  CHECK(status("POST", "/api/cloud/jobs/submit", viewer) == 403);
  CHECK(status("POST", "/api/cloud/jobs/submit", researcher) == 200);
  CHECK(status("POST", "/api/queue/concurrency", lead) == 403);
  CHECK(status("POST", "/api/queue/concurrency", admin) == 200);
  CHECK(status("GET", "/api/tunerd/workers", lead) == 403);
}

// -- bodies -------------------------------------------------------------------

TEST_CASE("malformed JSON is refused with its place", "[http_request]") {
  const auto x = bad(parse_object("{\"a\": 1,\n  \"b\" 2}"));
  CHECK(x.status == 400);
  CHECK(x.line == 2);
  CHECK(x.column == 7);
  const auto body = json::parse(to_reply(x, "c").body);
  CHECK(body["details"]["line"] == 2);
  CHECK(bad(parse_object("")).line == 1);
  CHECK(bad(parse_object("[1]")).field == "body");
  CHECK(bad(parse_object("{\"a\": 1e999}")).status == 400);
  CHECK(bad(parse_object("{\"a\": \"\xff\"}")).line == 1);
}

TEST_CASE("JSON nests 64 deep and no deeper", "[http_request]") {
  const auto nested = [](size_t depth) {
    return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  good(parse_object(nested(63)));
  CHECK(bad(parse_object(nested(64))).field == "body");
  CHECK(bad(parse_object("{\"a\":" + std::string(4'000'000, '['))).status
        == 400);
  good(parse_object(R"({"a":"\")" + std::string(100, '[') + R"("})"));
}

TEST_CASE("a submission is read whole", "[http_request]") {
  const auto x = submit_ok({{"config", {{"lr", 1}}},
                            {"dataloader_config", json::array({{{"id", "d"}}})},
                            {"config_name", "flux"},
                            {"webhook_url", "https://example.org/x"},
                            {"hardware_profile", "h100-x2"},
                            {"idempotency_key", "k1"},
                            {"estimated_cost", 2.5},
                            {"priority_override", 35}});
  CHECK(x.wanted.provider == "replicate");
  CHECK(x.wanted.config == R"({"lr":1})");
  CHECK(x.wanted.dataloader_config == R"([{"id":"d"}])");
  CHECK(x.wanted.input.empty());
  CHECK(x.wanted.webhook_url == "https://example.org/x");
  CHECK(x.wanted.hardware_profile == "h100-x2");
  CHECK(x.config_name == "flux");
  CHECK(x.estimated_cost_micros == int64_t{2'500'000});
  CHECK(x.priority_override == 35);
  CHECK(x.request_hash.size() == 64);
  CHECK(x.warnings.empty());
  const auto raw = submit_ok({{"input", {{"p", 1}}}, {"version", "a/b:c"}});
  CHECK(raw.wanted.input == R"({"p":1})");
  CHECK(raw.wanted.version == "a/b:c");
}

TEST_CASE("a wrong field of a submission is named", "[http_request]") {
  const std::vector<std::pair<std::string, json>> wrong{
    {"config", 1},
    {"config", json::array()},
    {"input", {{"p", 1}}}, // beside config
    {"dataloader_config", "text"},
    {"config_name", 7},
    {"config_name", std::string(257, 'x')},
    {"config_name", "a\nb"},
    {"config_name", "a\xc2\x9b"
                    "2J"},
    {"webhook_url", "ftp://x"},
    {"hardware_profile", json::object()},
    {"idempotency_key", std::string(257, 'x')},
    {"estimated_cost", -1},
    {"estimated_cost", "1"},
    {"estimated_cost", 1e7},
    {"priority_override", 51},
    {"priority_override", -1},
    {"priority_override", 1.5},
    {"priority_override", 18446744073709551615ull},
    {"priority_override", true},
    {"user_id", 1.5},
    {"org_id", json::array()},
    {"requires_approval", "yes"},
    {"approval_deadline_seconds", 0},
    {"approval_deadline_seconds", 31'536'001},
    {"snapshot_name", std::string(257, 'x')},
    {"upload_id", 1},
  };
  for (const auto& [field, value] : wrong) {
    json body = {{"config", {{"lr", 1}}}};
    body[field] = value;
    const auto x = submit_bad(body);
    INFO(field << ": " << value);
    CHECK(x.status == 400);
    CHECK(x.error == "validation_error");
    CHECK(x.field == field);
  }
  CHECK(submit_bad(json::object()).field == "config");
  CHECK(submit_bad({{"config_name_to_load", "x"}}).field == "config");
  CHECK(
    submit_bad({{"input", json::object()}, {"dataloader_config", {{}}}}).field
    == "dataloader_config");
}

TEST_CASE("what has no effect is named in warnings", "[http_request]") {
  const auto x = submit_ok({{"config", {{"lr", 1}}},
                            {"config_name_to_load", "x"},
                            {"snapshot_name", nullptr},
                            {"colour", "red"}});
  CHECK(x.warnings
        == std::vector<std::string>{
          "config_name_to_load is not offered yet and has no effect",
          "unknown field ignored: colour"});
  json body = {{"config", {{"lr", 1}}}};
  for (int i = 0; i < 1000; ++i)
    body["x" + std::to_string(i) + std::string(200, 'x')] = 1;
  const auto many = submit_ok(body).warnings;
  CHECK(many.size() == 32);
  CHECK(many[0].size() < 100);
}

TEST_CASE("others' jobs take an admin, priorities a lead", "[http_request]") {
  const json for_ann = {
    {"config", {{"lr", 1}}}, {"user_id", 7}, {"org_id", "o"}, {"team_id", -3}};
  const caller admin{.user_id = "root", .org_id = "x", .team_id = "t"};
  const auto x = submit_ok(for_ann, admin);
  CHECK(x.owner.user_id == "7");
  CHECK(x.owner.org_id == "o");
  CHECK(x.owner.team_id == "-3");
  CHECK(submit_ok({{"config", {{"lr", 1}}}, {"user_id", 7}}, admin)
          .owner.org_id.empty());
  CHECK(submit_ok({{"config", {{"lr", 1}}}}, admin).owner.org_id == "x");
  const caller lead{.user_id = "l", .level = caller_level::lead};
  CHECK(submit_bad(for_ann, lead).status == 403);
  const json urgent = {{"config", {{"lr", 1}}}, {"priority_override", 50}};
  CHECK(submit_ok(urgent, lead).priority_override == 50);
  CHECK(submit_bad(urgent, {"r", "", "", caller_level::researcher}).status
        == 403);
}

TEST_CASE("one submission has one hash, however it is written",
          "[http_request][Q13]") {
  const auto hash = [](const std::string& body) {
    return good(parse_submission(body, "replicate", boss)).request_hash;
  };
  const auto x = hash(R"({"config":{"a":1,"b":2},"idempotency_key":"k"})");
  CHECK(hash(R"({"idempotency_key":"j", "config": {"b":2, "a":1}})") == x);
  CHECK(hash(R"({"config":{"a":1,"b":3},"idempotency_key":"k"})") != x);
  CHECK(hash(R"({"config":{"a":1,"b":2}})").empty());
}

TEST_CASE("limits are read in their ranges", "[http_request]") {
  const auto x = good(parse_set_limits(
    R"({"max_concurrent":1000000,"user_max_concurrent":null,"shape":1,
        "enable_fair_share":true,"local_gpu_max_concurrent":null})"));
  CHECK(x.message.max_concurrent == 1'000'000);
  CHECK(!x.message.user_max_concurrent);
  CHECK(x.message.enable_fair_share == true);
  CHECK(x.message.local_gpu_max_concurrent == 0);
  CHECK(x.warnings.size() == 1);
  for (const std::string body :
       {R"({"max_concurrent":0})", R"({"user_max_concurrent":1000001})",
        R"({"team_max_concurrent":"5"})", R"({"enable_fair_share":1})",
        R"({"local_gpu_max_concurrent":0})",
        R"({"local_job_max_concurrent":11})"})
    CHECK(body.find(bad(parse_set_limits(body)).field) == 2);
}

TEST_CASE("queries are read in their ranges", "[http_request]") {
  const auto x = good(parse_list_jobs({{"limit", "500"},
                                       {"offset", "3"},
                                       {"status", "running"},
                                       {"provider", ""},
                                       {"sync_active", "true"},
                                       {"page", "2"}}));
  CHECK(x.message.limit == 500);
  CHECK(x.message.offset == 3);
  CHECK(x.message.status == job_status::running);
  CHECK(x.sync_active);
  CHECK(x.warnings.size() == 1);
  for (const auto& [key, value] : query{{"limit", "501"},
                                        {"limit", "0"},
                                        {"limit", "x"},
                                        {"limit", "5x"},
                                        {"offset", "-1"},
                                        {"offset", "99999999999999999999"},
                                        {"status", "done"},
                                        {"job_type", "both"}})
    CHECK(bad(parse_list_jobs({{key, value}})).field == key);
  CHECK(good(parse_list_queue({{"status", "blocked"}})).message.status
        == queue_status::blocked);
  CHECK(bad(parse_list_queue({{"limit", "201"}})).field == "limit");
  CHECK(bad(parse_list_queue({{"include_completed", "y"}})).status == 400);
}

TEST_CASE("a stream's filters and cursor are read", "[http_request]") {
  const auto x = good(parse_stream(
    {{"types", "a,b,,c"}, {"job_id", "j1"}, {"last_event_id", "4"}}, {}));
  CHECK(x.types == std::vector<std::string>{"a", "b", "c"});
  CHECK(x.job_id == "j1");
  CHECK(x.last_event_id == "4");
  CHECK(good(parse_stream({{"last_event_id", "4"}}, {{"last-event-id", "9"}}))
          .last_event_id
        == "9");
  std::string many;
  for (int i = 0; i < 33; ++i)
    many += "t,";
  CHECK(bad(parse_stream({{"types", many}}, {})).field == "types");
}

TEST_CASE("a stream may be of one user, if the caller sees all of its",
          "[http_request][E2]") {
  const caller root{.user_id = "root", .token = "t"};
  const caller eve{
    .user_id = "eve", .org_id = "acme", .level = caller_level::lead};
  CHECK(good(parse_watcher({}, root)).level == caller_level::admin);
  const auto one = good(parse_watcher({{"user_id", "bob"}}, root));
  CHECK(one.user_id == "bob");
  CHECK(one.level == caller_level::viewer);
  CHECK(one.token == "t"); // which still ends the stream
  CHECK(bad(parse_watcher({{"user_id", "bob"}}, eve)).status == 403);
  const auto own = good(parse_watcher({{"user_id", "eve"}}, eve));
  CHECK(own.user_id == "eve");
  CHECK(own.org_id.empty());
}

// -- errors -------------------------------------------------------------------

TEST_CASE("each error of an actor has its documented code", "[http_request]") {
  const auto code = [](ec x) {
    const auto y = refusal_of(make_error(x, "text"));
    return std::to_string(y.status) + " " + y.error;
  };
  CHECK(code(ec::validation_error) == "400 validation_error");
  CHECK(code(ec::unknown_provider) == "400 validation_error");
  CHECK(code(ec::permission_denied) == "403 permission_denied");
  CHECK(code(ec::job_not_found) == "404 job_not_found");
  CHECK(code(ec::conflict) == "409 invalid_job_state");
  CHECK(code(ec::database_error) == "500 database_error");
  CHECK(code(ec::invalid_config) == "500 configuration_error");
  CHECK(code(ec::provider_error) == "502 provider_api_error");
  CHECK(code(ec::no_such_provider_job) == "502 provider_error");
  CHECK(code(ec::provider_timeout) == "502 provider_timeout");
  CHECK(code(ec::provider_throttled) == "503 provider_unavailable");
  CHECK(code(ec::provider_unavailable) == "503 provider_unavailable");
  CHECK(code(ec::overloaded) == "503 service_unavailable");
  CHECK(code(ec::worker_restarting) == "503 service_unavailable");
  for (uint8_t i = 1; i <= 14; ++i) {
    const auto x = refusal_of(make_error(static_cast<ec>(i), "text"));
    CHECK(is_json_error(x));
    CHECK((x.status == 503) == (x.retry_after_seconds > 0));
  }
  const auto late = refusal_of(caf::sec::request_timeout);
  CHECK(late.status == 503);
  CHECK(header(to_reply(late, "c").headers, "Retry-After") == "1");
  CHECK(refusal_of(make_error(ec::conflict, "job j1 is over")).message
        == "job j1 is over");
  CHECK(refusal_of(make_error(ec::database_error, "/secret/path"))
          .message.find("secret")
        == std::string::npos);
}

// -- anything -----------------------------------------------------------------

TEST_CASE("no request makes the parsers fail", "[http_request]") {
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const auto names = std::vector<std::string>{
    "host",           "origin",           "content-type",
    "sec-fetch-site", "x-correlation-id", "authorization",
    "x-api-key",      "x-forwarded-for"};
  const config::auth strict{.tokens = {{.name = "t"}},
                            .bypass_paths = {"/api", "%", ""},
                            .trust_proxy_headers = true};
  int broken = 0;
  for (int i = 0; i < 10'000; ++i) {
    http_call call{.method
                   = random() % 2 == 0 ? "GET" : random_bytes(random, 8),
                   .target = "/" + random_bytes(random, 60),
                   .body = random_bytes(random, 20)};
    if (random() % 2 == 0)
      call.headers = with("content-type", "application/json");
    call.headers.emplace_back(names[random() % names.size()],
                              random_bytes(random, 30));
    const std::vector<std::string> hosts;
    request out{.method = call.method, .headers = call.headers};
    for (const auto& x :
         {guard(call.headers, true, {.allowed_hosts = hosts}),
          locate(call, out), recognise(strict, out), permit(out)})
      if (x && !is_json_error(*x))
        ++broken;
    const auto id = correlation_id_of(call.headers);
    if (id.find_first_of("\r\n") != std::string::npos)
      ++broken;
  }
  CHECK(broken == 0);
}

TEST_CASE("no body makes the parsers fail", "[http_request]") {
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const std::string whole
    = R"({"config":{"a":[1,2,{"b":null}]},"dataloader_config":[],)"
      R"("priority_override":5,"estimated_cost":1.5,"user_id":7,)"
      R"("idempotency_key":"k","webhook_url":"https://x","unknown":true})";
  int broken = 0;
  for (int i = 0; i < 5'000; ++i) {
    auto body = random() % 4 == 0 ? random_bytes(random, 60) : whole;
    for (auto n = random() % 3; n > 0 && !body.empty(); --n)
      body[random() % body.size()] = random_bytes(random, 1).append("]")[0];
    std::optional<refusal> why;
    const auto note = [&why](const auto& x) {
      if (auto* no = std::get_if<refusal>(&x))
        why = *no;
    };
    if (i % 4 == 0)
      note(parse_set_limits(body));
    else
      note(parse_submission(body, "replicate", boss));
    if (why && !is_json_error(*why))
      ++broken;
  }
  CHECK(broken == 0);
}
