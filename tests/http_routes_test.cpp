#include "tests/http_routes.hpp"

// What holds for all routes, shown for each of them.

using namespace tunerd;
using namespace tunerd::test;
using nlohmann::json;

namespace {

const http_headers signature{{"webhook-id", "d1"}};

std::string level_of(const route_case& x) {
  return documented_routes().at(x.key());
}

int rank(const std::string& level) {
  const auto parsed = parse_caller_level(level);
  return parsed ? static_cast<int>(*parsed) : 0;
}

bool is_stream(const route_case& x) {
  return x.path == "/api/events" || x.path.ends_with("/stream");
}

bool is_text(const route_case& x) {
  return x.path.ends_with("prometheus") || x.path == "/metrics";
}

bool is_page(const route_case& x) {
  return x.path == "/" || x.path == "/assets/{name}";
}

bool is_webhook(const route_case& x) {
  return x.path == "/api/webhooks/{provider}";
}

http_reply call_good(api_fixture& at, const route_case& x,
                     const std::string& token = {}) {
  return at.call_as(token, x.method, x.target, x.text(), signature);
}

/// @returns what every test of a route says when it fails.
std::string about_route(const route_case& x, const http_reply& reply) {
  return x.key() + " -> " + std::to_string(reply.status) + " " + reply.body;
}

} // namespace

TEST_CASE("every documented route is served and tested, and no other",
          "[http_routes]") {
  std::map<std::string, std::string> served;
  for (const auto& x : rest::routes())
    served[std::string{x.method} + " " + std::string{x.path}]
      = x.level ? to_string(*x.level) : "none";
  CHECK(served == documented_routes());
  CHECK(served.size() == rest::routes().size());
  std::set<std::string> tested, documented;
  for (const auto& x : route_cases())
    tested.insert(x.key());
  for (const auto& [key, level] : documented_routes())
    documented.insert(key);
  CHECK(tested == documented);
  CHECK(route_cases().size() == tested.size());
}

TEST_CASE_METHOD(api_fixture, "reserved paths are 404", "[http_routes]") {
  for (const auto* path :
       {"/api/queue/polling/status", "/api/workers", "/api/workers/a",
        "/api/cloud/storage", "/api/cloud/storage/a", "/api/users", "/api/orgs",
        "/api/audit", "/api/audit/a"})
    check_error(call("GET", path), 404, "not_found");
  check_error(call("POST", "/api/queue/submit"), 404, "not_found");
}

TEST_CASE_METHOD(api_fixture, "each route answers its documented fields",
                 "[http_routes][W7]") {
  for (const auto& x : route_cases()) {
    const auto reply = call_good(*this, x);
    INFO(about_route(x, reply));
    CHECK(reply.status == 200);
    if (is_stream(x) || is_page(x))
      continue;
    if (is_text(x)) {
      CHECK(reply.content_type == "text/plain; version=0.0.4; charset=utf-8");
      continue;
    }
    const auto body = json::parse(reply.body);
    for (const auto& field : x.fields) {
      INFO(field);
      CHECK(body.contains(field));
    }
    CHECK(!body.contains("error") == (x.fields.count("error") == 0));
  }
}

TEST_CASE_METHOD(api_fixture, "each route refuses what is wrong with 400",
                 "[http_routes][W7]") {
  for (const auto& x : route_cases())
    for (const auto& bad : x.bad) {
      const auto is_target = bad.starts_with('/');
      const auto reply = call_as({}, x.method, is_target ? bad : x.target,
                                 is_target ? x.text() : bad);
      INFO(about_route(x, reply) << " for " << bad);
      check_error(reply, 400, "validation_error");
    }
}

TEST_CASE_METHOD(api_fixture, "each route with a body wants JSON",
                 "[http_routes][W7]") {
  for (const auto& x : route_cases()) {
    if (x.body.is_null())
      continue;
    const auto text = call_as({}, x.method, x.target, x.text(),
                              {{"content-type", "text/plain"}});
    INFO(about_route(x, text));
    check_error(text, 415, "invalid_payload");
    // What a provider signed is judged by the one who knows its key.
    if (is_webhook(x))
      continue;
    for (const auto* body : {"{", "[]", "null", "\xff"})
      check_error(call_as({}, x.method, x.target, body), 400,
                  "validation_error");
    // Notes may be left out, and with them the body.
    const bool optional = x.key().ends_with("/requests/{request}/approve");
    const auto empty = call_as({}, x.method, x.target);
    if (optional)
      CHECK(empty.status == 200);
    else
      check_error(empty, 400, "validation_error");
  }
}

TEST_CASE_METHOD(api_fixture, "each route has the documented code for errors",
                 "[http_routes][W7]") {
  for (const auto& x : route_cases())
    for (const auto& [worker, error, status, code] : x.errors) {
      (this->*worker).failure = make_error(error, "text");
      const auto reply = call_good(*this, x);
      (this->*worker).failure = {};
      INFO(about_route(x, reply) << " for " << to_string(error));
      check_error(reply, status, code);
    }
}

TEST_CASE_METHOD(api_fixture, "each route that needs a token says so",
                 "[http_routes][W4]") {
  require_tokens();
  for (const auto& x : route_cases()) {
    const auto free = level_of(x) == "none";
    const auto none = call_good(*this, x);
    INFO(about_route(x, none));
    if (free) {
      CHECK(none.status == 200);
      CHECK(call_good(*this, x, "wrong").status == 200);
      continue;
    }
    check_error(none, 401, "missing_token");
    CHECK(header(none.headers, "WWW-Authenticate") == "Bearer");
    check_error(call_good(*this, x, "wrong"), 401, "invalid_token");
    check_error(call_as("t-admin", x.method, x.target, x.text(),
                        {{"x-api-key", "t-lead"}}),
                401, "authentication_error");
  }
}

TEST_CASE_METHOD(api_fixture,
                 "each route keeps to its rate, free ones have none",
                 "[http_routes]") {
  auto rules = tokens();
  rules.rate_limit_calls = 3;
  rules.rate_limit_period = std::chrono::seconds{60};
  const std::set<std::string> free{"GET /api/events",
                                   "GET /health",
                                   "GET /health/live",
                                   "GET /health/ready",
                                   "GET /api/cloud/health",
                                   "GET /api/cloud/health/live",
                                   "GET /api/cloud/health/ready",
                                   "GET /",
                                   "HEAD /",
                                   "GET /assets/{name}",
                                   "HEAD /assets/{name}"};
  const std::map<std::string, int> own{
    {"POST /api/cloud/jobs/submit", 20},
    {"POST /api/cloud/{provider}/submit", 20},
    {"POST /api/cloud/jobs/{id}/cancel", 30},
    {"POST /api/webhooks/{provider}", 100},
    {"POST /api/webhooks/test", 100}};
  for (const auto& x : route_cases()) {
    settings.auth.set(rules);
    start(); // with nothing counted
    const auto i = own.find(x.key());
    const auto calls = i == own.end() ? 3 : i->second;
    auto reply = call_good(*this, x, "t-admin");
    INFO(about_route(x, reply));
    if (free.count(x.key()) > 0) {
      CHECK(header(reply.headers, "X-RateLimit-Limit").empty());
      continue;
    }
    if (x.path != "/api/events") { // its head is written before
      CHECK(header(reply.headers, "X-RateLimit-Limit")
            == std::to_string(calls));
      CHECK(header(reply.headers, "X-RateLimit-Remaining")
            == std::to_string(calls - 1));
    }
    for (int n = 1; n < calls; ++n)
      CHECK(call_good(*this, x, "t-admin").status != 429);
    reply = call_good(*this, x, "t-admin");
    CHECK(reply.status == 429);
    CHECK(json::parse(reply.body)["error"] == "rate_limit_exceeded");
    CHECK(header(reply.headers, "Retry-After") == "60");
    CHECK(header(reply.headers, "X-RateLimit-Remaining") == "0");
  }
}

TEST_CASE_METHOD(api_fixture, "too large a body is 413", "[http_routes][W7]") {
  check_error(gate->refuse(413, "request body too large",
                           {{"x-correlation-id", "corr-1"}}),
              413, "payload_too_large");
}

// -- who may what -------------------------------------------------------------

namespace {

struct ownership {
  const char* name;
  std::string user, org;
};

/// @returns what the caller at `level` gets for an object of `whose`.
int expected(const route_case& x, const std::string& level,
             const ownership& whose) {
  if (level_of(x) == "none")
    return 200;
  if (level == "none")
    return 401;
  if (rank(level) < rank(level_of(x)))
    return 403;
  const auto own = whose.user == "u-" + level;
  const auto same_org = whose.org == "acme";
  if (x.object == about::nothing || own || level == "admin")
    return 200;
  return x.object == about::seen && level == "lead" && same_org ? 200 : 403;
}

} // namespace

TEST_CASE_METHOD(api_fixture,
                 "every route gives every level its own, and no more",
                 "[http_routes][W4][E2]") {
  require_tokens();
  size_t combinations = 0;
  for (const auto& x : route_cases())
    for (const std::string level :
         {"none", "viewer", "researcher", "lead", "admin"})
      for (const auto& whose :
           {ownership{"own", "u-" + level, "acme"},
            ownership{"another's of the org", "u-other", "acme"},
            ownership{"another org's", "u-other", "umbrella"},
            ownership{"without org", "u-other", ""}}) {
        stored.user_id = whose.user;
        stored.org_id = whose.org;
        callers.clear();
        const auto reply
          = call_good(*this, x, level == "none" ? "" : "t-" + level);
        const auto want = expected(x, level, whose);
        INFO(level << ", " << whose.name << ": " << about_route(x, reply));
        ++combinations;
        CHECK(reply.status == want);
        if (want == 403)
          CHECK(json::parse(reply.body)["error"] == "permission_denied");
        for (const auto& who : callers) { // nobody speaks for another
          CHECK(who.user_id == "u-" + level);
          CHECK(who.org_id == "acme");
          CHECK(to_string(who.level) == level);
          CHECK(who.token == level);
        }
      }
  CHECK(combinations == documented_routes().size() * 5 * 4);
}

TEST_CASE_METHOD(api_fixture, "no answer has a token or secret",
                 "[http_routes][W4]") {
  require_tokens();
  config = R"({"webhook_url":"https://a.example/x","api_token":"s3cret",
               "nested":{"webhook_secret":"s3cret"}})";
  provider_summaries[0].webhook_url = "https://u:s3cret@a.example/?key=s3cret";
  for (const auto& x : route_cases()) {
    const auto reply = call_good(*this, x, "t-admin");
    INFO(about_route(x, reply));
    CHECK(reply.body.find("s3cret") == std::string::npos);
    CHECK(reply.body.find("t-admin") == std::string::npos);
  }
}

// -- other origins ------------------------------------------------------------

TEST_CASE_METHOD(api_fixture,
                 "a page of another origin reads and changes nothing",
                 "[http_routes]") {
  const auto with_tokens = GENERATE(false, true);
  if (with_tokens)
    require_tokens();
  const std::vector<http_headers> pages{
    {{"origin", "https://evil.example"}},
    {{"origin", "null"}},
    {{"origin", "http://localhost:3000"}},
    {{"sec-fetch-site", "cross-site"}},
    {{"host", "evil.example"}},
    {{"host", "localhost.evil.example:8770"}},
    {{"host", "evil.example"}, {"origin", "http://evil.example"}}};
  const std::vector<std::string> form_types{"text/plain",
                                            "application/x-www-form-urlencoded",
                                            "multipart/form-data", ""};
  const auto token = std::string{with_tokens ? "t-admin" : ""};
  for (const auto& x : route_cases()) {
    for (auto headers : pages) {
      const auto reply = call_as(token, x.method, x.target, x.text(), headers);
      INFO(about_route(x, reply) << " " << headers[0].second);
      // A delivery comes from anywhere and is nothing without its signature.
      CHECK(reply.status == (is_webhook(x) ? 401 : 403));
      CHECK(json::parse(reply.body)["error"]
            == (is_webhook(x) ? "invalid_signature" : "authorization_error"));
      CHECK(header(reply.headers, "X-RateLimit-Limit").empty());
      for (const auto& [name, value] : reply.headers)
        CHECK(name.find("Access-Control") == std::string::npos);
    }
    if (x.method == "GET" || with_tokens)
      continue;
    // Forms send no other headers than these.
    for (const auto& type : form_types) {
      const auto id = begin({.method = x.method,
                             .target = x.target,
                             .headers = {{"content-type", type + ";a=b"}},
                             .body = x.body.is_null() ? "{}" : x.text()});
      CHECK(answer_to(id).status == 415);
    }
  }
  CHECK(of_store.seen.empty());
  CHECK(of_scheduler.seen.empty());
  CHECK(of_supervisor.seen.empty());
  CHECK(of_poller.seen.empty());
  CHECK(of_expirer.seen.empty());
  CHECK(of_providers.seen.empty());
  CHECK(streams.empty());
}

// -- anything -----------------------------------------------------------------

TEST_CASE_METHOD(api_fixture,
                 "every request gets one JSON answer, whatever it says",
                 "[http_routes][W7]") {
  constexpr unsigned seed = 7;
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const std::vector<std::string> methods{"GET", "POST", "DELETE", "BREW", ""};
  for (int i = 0; i < 1000; ++i) {
    const auto& x = route_cases()[random() % route_cases().size()];
    if (is_stream(x) || is_page(x))
      continue;
    auto target = x.target;
    for (auto n = random() % 3; n > 0; --n)
      target[random() % target.size()] = static_cast<char>(random());
    auto body = x.body.is_null() ? std::string{} : x.text();
    if (!body.empty())
      body[random() % body.size()] = static_cast<char>(random());
    const auto id
      = begin({.method = random() % 2 == 0 ? x.method
                                           : methods[random() % methods.size()],
               .target = target,
               .body = body});
    const auto& replies = server->replies[id];
    if (replies.size() == 1 && (is_text(x) || json::accept(replies[0].body)))
      continue;
    FAIL("request " << i << " to " << target);
  }
  CHECK(gate->size() == 0);
}
