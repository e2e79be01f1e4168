#include "config/access.hpp"

#include "tests/sse_harness.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <random>
#include <vector>

using namespace tunerd;

namespace {

const std::vector<std::string> names{"a", "b", "c"};

config::auth rules_from(std::mt19937& dice) {
  config::auth result;
  for (const auto& name : names)
    if (dice() % 4 != 0)
      result.tokens.push_back(
        {.name = name,
         .sha256 = std::to_string(dice() % 2),
         .level = dice() % 8 == 0 ? caller_level::admin : caller_level::viewer,
         .user_id = std::to_string(dice() % 8 / 7)});
  result.rate_limit_calls = static_cast<int32_t>(dice() % 3);
  result.bypass_auth_for_internal = dice() % 8 == 0;
  return result;
}

/// What `token` lets in as; "" if it lets nobody in.
std::string meaning(const config::auth& rules, const std::string& token) {
  for (const auto& x : rules.tokens)
    if (x.name == token)
      return x.sha256 + to_string(x.level) + x.user_id;
  return {};
}

} // namespace

TEST_CASE("access lasts while a token means the same", "[sse][E2]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 dice{seed};
  int wrong = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto before = rules_from(dice), after = rules_from(dice);
    for (const auto& name : names) {
      const auto was = meaning(before, name);
      wrong += config::keeps_access(before, after, name)
               != (!was.empty() && was == meaning(after, name));
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("access without a token lasts while its rules do", "[sse][E2]") {
  const std::vector<std::function<void(config::auth&)>> changes{
    [](auto& x) { x.tokens.push_back({.name = "a"}); },
    [](auto& x) { x.bypass_paths.push_back("/api/events"); },
    [](auto& x) { x.bypass_auth_for_internal = true; },
    [](auto& x) { x.internal_networks.push_back({}); },
    [](auto& x) { x.trust_proxy_headers = true; },
    [](auto& x) { x.trusted_proxies.push_back({}); }};
  const config::auth before;
  for (const auto& change : changes) {
    auto after = before;
    change(after);
    CHECK(!config::keeps_access(before, after, ""));
    CHECK(config::keeps_access(after, after, ""));
  }
  auto slower = before;
  slower.rate_limit_calls = 1;
  CHECK(config::keeps_access(before, slower, ""));
}

namespace {

/// Streams without sockets, under rules that change.
struct access_fixture {
  config::sse settings;
  config::auth rules;
  live<config::auth> source;
  event_feed feed{16, 1 << 20};
  stream_table table{feed, settings, std::make_shared<metrics>(), source};
  int beats = 0;

  /// A stream that was let in by `by`.
  std::shared_ptr<test::pipe> open(const std::string& token,
                                   std::shared_ptr<const config::auth> by) {
    open_stream request{{"corr-1"}, -1, caller{.token = token}, "c"};
    request.let_in_by = std::move(by);
    auto end = std::make_shared<test::pipe>();
    table.open(request, std::make_unique<test::pipe_sink>(end));
    return end;
  }

  void beat() {
    table.beat(timestamp{std::chrono::seconds{++beats}});
  }
};

} // namespace

TEST_CASE_METHOD(access_fixture, "a stream is judged by what let it in",
                 "[sse][E2]") {
  rules.tokens = {{.name = "a", .sha256 = "1"}, {.name = "b", .sha256 = "2"}};
  source.set(rules);
  const auto before = source.get();
  const auto old = open("a", before), kept = open("b", before),
             bypassed = open("", before);
  rules.tokens[0].sha256 = "3";
  rules.bypass_paths = {"/api/events"};
  source.set(rules);
  // Those that come by the new rules stay, however soon.
  const auto renewed = open("a", source.get()), let_by = open("", source.get());
  beat();
  CHECK(old->cut);
  CHECK(bypassed->cut);
  CHECK(!kept->cut);
  for (int i = 0; i < 10; ++i) {
    // Sockets that were on their way, however long.
    const auto late = open("a", before), late_bypassed = open("", before);
    const auto again = open("a", source.get());
    beat();
    CHECK(late->cut);
    CHECK(late_bypassed->cut);
    CHECK(!again->cut);
  }
  CHECK(!renewed->cut);
  CHECK(!let_by->cut);
  CHECK(!kept->cut);
}

TEST_CASE_METHOD(access_fixture, "a stream is judged after every change",
                 "[sse][E2]") {
  rules.tokens = {{.name = "a", .sha256 = "1"}};
  source.set(rules);
  const auto x = open("a", source.get());
  rules.rate_limit_calls = 1; // concerns no stream
  source.set(rules);
  beat();
  CHECK(!x->cut);
  rules.tokens[0].sha256 = "2";
  source.set(rules);
  beat();
  CHECK(x->cut);
}
