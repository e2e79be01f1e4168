#include "actors/http_gateway/authentication.hpp"
#include "actors/http_gateway/client_address.hpp"
#include "actors/http_gateway/rate_limit.hpp"

#include "tests/http_api_fixture.hpp"

using namespace tunerd;
using namespace tunerd::rest;
using namespace tunerd::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr unsigned seed = 20240116;

config::network net(const std::string& text) {
  config::network out;
  REQUIRE(config::parse_network(text, out));
  return out;
}

struct question {
  http_headers headers = {};
  std::string path = "/api/cloud/jobs";
  std::string address = "203.0.113.9";
  std::optional<caller_level> level = caller_level::viewer;
  std::string method = "GET";
};

/// @returns "PROOF user level", or the code of the refusal.
std::string ask(const config::auth& rules, const question& x) {
  const auto path = std::get<target>(parse_target(x.path)).path;
  const auto found
    = identify(rules, {x.headers, x.method, path, x.address, x.level});
  if (auto* bad = std::get_if<refusal>(&found)) {
    CHECK(bad->status == 401);
    return bad->error;
  }
  const std::array names{"none", "open", "token", "bypass", "internal"};
  const auto& [who, by] = std::get<identity>(found);
  return std::string{names[static_cast<size_t>(by)]} + " " + who.user_id + " "
         + to_string(who.level);
}

http_headers bearer(const std::string& token) {
  return {{"authorization", "Bearer " + token}};
}

} // namespace

// -- tokens -------------------------------------------------------------------

TEST_CASE("a token is shown in either header and says who calls",
          "[http_auth][W4]") {
  const auto rules = api_fixture::tokens();
  CHECK(ask(rules, {bearer("t-lead")}) == "token u-lead lead");
  CHECK(ask(rules, {{{"authorization", "bearer   t-lead"}}})
        == "token u-lead lead");
  CHECK(ask(rules, {{{"x-api-key", "t-lead"}}}) == "token u-lead lead");
  auto both = bearer("t-lead");
  both.emplace_back("x-api-key", "t-lead");
  CHECK(ask(rules, {both}) == "token u-lead lead");
  both.back().second = "t-admin";
  CHECK(ask(rules, {both}) == "authentication_error");
  CHECK(ask(rules, {{{"authorization", "Bearer t-lead"},
                     {"authorization", "Bearer t-admin"}}})
        == "authentication_error");
}

TEST_CASE("what is no token lets nobody in", "[http_auth][W4]") {
  const auto rules = api_fixture::tokens();
  const auto digest = rules.tokens[3].sha256;
  for (const auto& token :
       {std::string{"t-"}, std::string{"T-ADMIN"}, std::string{"t-admin "},
        digest, std::string(10'000, 'x')})
    CHECK(ask(rules, {bearer(token)}) == "invalid_token");
  for (const auto* value :
       {"", "Bearer", "Bearer ", "Basic dC1hZG1pbg==", "t-admin"})
    CHECK(ask(rules, {{{"authorization", value}}}) == "missing_token");
  CHECK(ask(rules, {}) == "missing_token");
}

TEST_CASE("without configured tokens everybody is the local admin",
          "[http_auth]") {
  CHECK(ask({}, {}) == "open local admin");
  CHECK(ask({}, {bearer("whatever")}) == "open local admin");
}

TEST_CASE("where no token is needed a bad one does not matter",
          "[http_auth][W4]") {
  const auto rules = api_fixture::tokens();
  const auto free = std::nullopt;
  CHECK(ask(rules, {.path = "/health", .level = free})
        == "none anonymous viewer");
  CHECK(ask(rules, {bearer("wrong"), "/health", "", free})
        == "none anonymous viewer");
  CHECK(ask(rules, {bearer("t-admin"), "/health", "", free})
        == "token u-admin admin");
}

TEST_CASE("bypass paths end at a slash and are for GET and viewers",
          "[http_auth][W4]") {
  auto rules = api_fixture::tokens();
  rules.bypass_paths = {"/metrics", "/api/cloud/jobs/"};
  const auto path
    = [&rules](const char* text) { return ask(rules, {.path = text}); };
  CHECK(path("/metrics") == "bypass anonymous viewer");
  CHECK(path("/metrics/") == "bypass anonymous viewer");
  CHECK(path("/metrics?x=1") == "bypass anonymous viewer");
  CHECK(path("/api/cloud/jobs/j1/logs") == "bypass anonymous viewer");
  CHECK(path("/metricsx") == "missing_token");
  CHECK(path("/metrics%2Fx") == "missing_token");
  CHECK(path("/api/cloud") == "missing_token");
  CHECK(path("/x/metrics") == "missing_token");
  CHECK(ask(rules, {.path = "/metrics", .method = "POST"}) == "missing_token");
  CHECK(ask(rules, {.path = "/metrics", .level = caller_level::lead})
        == "missing_token");
  CHECK(ask(rules, {bearer("t-lead"), "/metrics"}) == "token u-lead lead");
  CHECK(ask(rules, {bearer("wrong"), "/metrics"}) == "invalid_token");
}

TEST_CASE("internal callers are viewers without a token", "[http_auth][W4]") {
  auto rules = api_fixture::tokens();
  rules.internal_networks = {net("10.0.0.0/8"), net("fd00::/8")};
  const auto from = [&rules](const char* address) {
    return ask(rules, {.address = address});
  };
  CHECK(from("10.1.2.3") == "missing_token");
  rules.bypass_auth_for_internal = true;
  CHECK(from("10.1.2.3") == "internal internal viewer");
  CHECK(from("fd12::1") == "internal internal viewer");
  CHECK(from("11.1.2.3") == "missing_token");
  CHECK(from("") == "missing_token");
  CHECK(ask(rules, {.address = "10.1.2.3", .level = caller_level::researcher})
        == "missing_token");
}

TEST_CASE("whoever shows no token owns nothing", "[http_auth][E2]") {
  const auto nobody = identity{}.who;
  CHECK(!may_see(nobody, "", ""));
  CHECK(!may_see(nobody, "7", ""));
  CHECK(!may_see(nobody, "local", "acme"));
}

TEST_CASE_METHOD(api_fixture, "a reload of the tokens counts at once",
                 "[http_auth]") {
  CHECK(call("GET", "/api/cloud/jobs").status == 200);
  require_tokens();
  check_error(call("GET", "/api/cloud/jobs"), 401, "missing_token");
  CHECK(call_as("t-viewer", "GET", "/api/cloud/jobs").status == 200);
  auto rules = tokens();
  rules.tokens.erase(rules.tokens.begin());
  settings.auth.set(rules);
  check_error(call_as("t-viewer", "GET", "/api/cloud/jobs"), 401,
              "invalid_token");
}

TEST_CASE_METHOD(api_fixture, "a bypass for internal callers is logged",
                 "[http_auth][W3]") {
  auto rules = tokens();
  rules.bypass_auth_for_internal = true;
  rules.internal_networks = {net("127.0.0.0/8")};
  rules.trust_proxy_headers = true;
  rules.trusted_proxies = {net("192.0.2.1")};
  settings.auth.set(rules);
  test::log_capture log;
  CHECK(call("GET", "/api/cloud/jobs").status == 200);
  CHECK(log.contains("INFO", "Auth bypassed for IP 127.0.0.1"));
  CHECK(listed.back().who.user_id == "internal");
  log.clear();
  // A stranger does not become internal by saying so.
  const auto id = begin({.method = "GET",
                         .target = "/api/cloud/jobs",
                         .headers = {{"x-forwarded-for", "127.0.0.1"}},
                         .peer = "203.0.113.9"});
  check_error(answer_to(id), 401, "missing_token");
  CHECK(!log.contains("Auth bypassed"));
  CHECK(log.lines_with("HTTP request").back().extra.at("client")
        == "203.0.113.9");
}

// -- addresses ----------------------------------------------------------------

TEST_CASE("a forwarded address counts only from a trusted proxy",
          "[http_auth][W3][E3]") {
  config::auth rules;
  rules.trusted_proxies = {net("10.0.0.0/8"), net("::1")};
  const auto client = [&rules](const std::string& peer,
                               const std::vector<std::string>& forwarded) {
    http_headers headers;
    for (const auto& x : forwarded)
      headers.emplace_back("x-forwarded-for", x);
    return client_address(rules, peer, headers);
  };
  CHECK(client("10.0.0.1", {"203.0.113.9"}) == "10.0.0.1");
  rules.trust_proxy_headers = true;
  CHECK(client("10.0.0.1", {"203.0.113.9"}) == "203.0.113.9");
  CHECK(client("203.0.113.1", {"10.0.0.1"}) == "203.0.113.1");
  CHECK(client("10.0.0.1", {}) == "10.0.0.1");
  // What the client itself wrote stands to the left.
  CHECK(client("10.0.0.1", {"10.0.0.9, 1.1.1.1, 203.0.113.9, 10.0.0.2"})
        == "203.0.113.9");
  CHECK(client("10.0.0.1", {"1.1.1.1", "203.0.113.9"}) == "203.0.113.9");
  CHECK(client("10.0.0.1", {"10.0.0.3, 10.0.0.2"}) == "10.0.0.3");
  CHECK(client("::1", {"[2001:DB8:0::1]:443"}) == "2001:db8::1");
  CHECK(client("10.0.0.1", {" 203.0.113.9:5123 "}) == "203.0.113.9");
  CHECK(client("::ffff:10.0.0.1", {"::ffff:203.0.113.9"}) == "203.0.113.9");
  for (const auto* odd : {"", "unknown", "_hidden", "1.2.3", "[::1", ",",
                          "203.0.113.9, ", "1.2.3.4.5"})
    CHECK(client("10.0.0.1", {odd}).empty());
}

TEST_CASE("no header moves the address of an untrusted peer",
          "[http_auth][W3]") {
  INFO("seed " << seed);
  std::mt19937 random{seed};
  config::auth rules;
  rules.trust_proxy_headers = true;
  rules.trusted_proxies = {net("10.0.0.0/8")};
  const std::string alphabet = "0123456789.:,[] afx";
  int moved = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    for (auto n = random() % 40; n > 0; --n)
      text += alphabet[random() % alphabet.size()];
    const http_headers headers{{"x-forwarded-for", text}};
    moved += client_address(rules, "203.0.113.1", headers) != "203.0.113.1";
    const auto behind = client_address(rules, "10.0.0.1", headers);
    config::network ignored;
    moved += !behind.empty() && !config::parse_network(behind, ignored);
  }
  CHECK(moved == 0);
}

// -- rates --------------------------------------------------------------------

TEST_CASE("in no window are more calls allowed than the rate says",
          "[http_auth]") {
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (int round = 0; round < 20; ++round) {
    rate_limiter limiter;
    const rate limit{rate_class::other, static_cast<int32_t>(1 + random() % 10),
                     60s};
    rate_limiter::time_point now{1h};
    std::vector<rate_limiter::time_point> allowed;
    for (int i = 0; i < 500; ++i) {
      now += std::chrono::milliseconds{random() % 9000};
      const auto verdict = limiter.admit("c", limit, now);
      // What is left is what the window has room for: an exact model.
      const auto inside
        = std::count_if(allowed.begin(), allowed.end(),
                        [now](auto t) { return now - t < 60s; });
      REQUIRE(verdict.allowed == (inside < limit.calls));
      if (verdict.allowed)
        allowed.push_back(now);
      REQUIRE(verdict.remaining
              == std::max<int64_t>(limit.calls - inside - 1, 0));
      REQUIRE(verdict.reset > 0s);
      REQUIRE(verdict.reset <= 60s);
      if (!verdict.allowed) { // and it keeps its word
        const auto then = now + verdict.reset;
        REQUIRE(std::count_if(allowed.begin(), allowed.end(),
                              [then](auto t) { return then - t < 60s; })
                < limit.calls);
      }
    }
  }
}

TEST_CASE("clients and classes are counted apart", "[http_auth]") {
  rate_limiter limiter;
  const rate_limiter::time_point now{1h};
  const rate submit{rate_class::submit, 1}, other{rate_class::other, 1};
  CHECK(limiter.admit("a", submit, now).allowed);
  CHECK(!limiter.admit("a", submit, now).allowed);
  CHECK(limiter.admit("a", other, now).allowed);
  CHECK(limiter.admit("b", submit, now).allowed);
  CHECK(limiter.clients() == 2);
}

TEST_CASE("the limiter remembers a bounded number of clients and calls",
          "[http_auth]") {
  rate_limiter limiter{{.clients_max = 10, .calls_max = 20}};
  const rate limit{rate_class::other, 5};
  rate_limiter::time_point now{1h};
  for (int i = 0; i < 1000; ++i) {
    limiter.admit(std::to_string(i), limit, now += 1ms);
    limiter.admit("busy", limit, now);
    REQUIRE(limiter.clients() <= 10);
  }
  // Only the idle ones were forgotten.
  CHECK(!limiter.admit("busy", limit, now).allowed);
  CHECK(limiter.admit("1", limit, now).remaining == 4);
  limiter.admit("x", limit, now + 2h);
  CHECK(limiter.clients() == 1);
}

TEST_CASE_METHOD(api_fixture, "a rate belongs to a token, else to an address",
                 "[http_auth][W3][L5]") {
  auto rules = tokens();
  rules.rate_limit_calls = 2;
  rules.rate_limit_period = 10s;
  rules.tokens.push_back({.name = "second",
                          .sha256 = sha256_hex("t-second"),
                          .level = caller_level::viewer,
                          .user_id = "u-viewer"});
  settings.auth.set(rules);
  const auto jobs = [this](const std::string& token, http_headers headers = {},
                           std::string peer = "203.0.113.9") {
    if (!token.empty())
      headers.emplace_back("x-api-key", token);
    return answer_to(begin({.method = "GET",
                            .target = "/api/cloud/jobs",
                            .headers = headers,
                            .peer = peer}))
      .status;
  };
  CHECK(jobs("t-viewer") == 200);
  CHECK(jobs("t-viewer", {}, "203.0.113.10") == 200);
  CHECK(jobs("t-viewer") == 429);
  CHECK(jobs("t-second") == 200);
  // Guesses count, and no header makes another client of one.
  CHECK(jobs("guess1") == 401);
  CHECK(jobs("guess2") == 401);
  CHECK(jobs("guess3", {{"x-forwarded-for", "1.2.3.4"}}) == 429);
  CHECK(jobs("guess4", {}, "203.0.113.10") == 401);
  CHECK(settings.counts->rate_limit_violations.value() == 2);
  CHECK(settings.counts->rate_limit_clients.value() == 4);
  advance(10s);
  CHECK(jobs("t-viewer") == 200);
  // Other pages do not use up a browser's rate.
  for (int i = 0; i < 5; ++i)
    CHECK(jobs("t-viewer", {{"origin", "https://evil.example"}}) == 403);
  CHECK(jobs("t-viewer") == 200);
}

TEST_CASE_METHOD(api_fixture, "rates are told in headers and can be off",
                 "[http_auth]") {
  auto rules = tokens();
  rules.rate_limit_calls = 2;
  settings.auth.set(rules);
  const auto reply = call_as("t-viewer", "GET", "/api/cloud/jobs");
  CHECK(header(reply.headers, "X-RateLimit-Limit") == "2");
  CHECK(header(reply.headers, "X-RateLimit-Remaining") == "1");
  const auto reset = std::stoll(header(reply.headers, "X-RateLimit-Reset"));
  const auto unix_now
    = std::chrono::duration_cast<std::chrono::seconds>(now().time_since_epoch())
        .count();
  CHECK(reset - unix_now >= 60);
  CHECK(reset - unix_now <= 61);
  // Also where nothing is.
  CHECK(header(call_as("t-viewer", "GET", "/nowhere").headers,
               "X-RateLimit-Remaining")
        == "0");
  rules.rate_limit_calls = 0;
  settings.auth.set(rules);
  for (int i = 0; i < 30; ++i)
    CHECK(header(call_as("t-viewer", "GET", "/api/cloud/jobs").headers,
                 "X-RateLimit-Limit")
            .empty());
}

// -- streams ------------------------------------------------------------------

TEST_CASE_METHOD(api_fixture, "streams count per user, else per address",
                 "[http_auth][E2][E3]") {
  auto rules = tokens();
  rules.bypass_paths = {"/api/events"};
  rules.trust_proxy_headers = true;
  rules.trusted_proxies = {net("127.0.0.1")};
  settings.auth.set(rules);
  const http_headers behind{{"x-forwarded-for", "203.0.113.9"}};
  call_as("t-lead", "GET", "/api/events", {}, behind);
  call_as("", "GET", "/api/events", {}, behind);
  REQUIRE(streams.size() == 2);
  CHECK(streams[0].let_in_by == settings.auth.get());
  CHECK(streams[0].client == "u-lead");
  CHECK(streams[0].who.user_id == "u-lead");
  CHECK(streams[0].who.org_id == "acme");
  CHECK(streams[1].client == "203.0.113.9");
  CHECK(streams[1].who.user_id == "anonymous");
  CHECK(streams[1].who.level == caller_level::viewer);
}
