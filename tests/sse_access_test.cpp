#include "actors/sse_broadcaster/access_watch.hpp"
#include "config/access.hpp"

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

TEST_CASE("a change counts for streams that were on their way", "[sse][E2]") {
  config::auth rules;
  rules.tokens = {{.name = "a", .sha256 = "1"}};
  const live<config::auth> source{rules};
  access_watch watch{source};
  watch.look();
  CHECK(!watch.has_news());
  rules.tokens[0].sha256 = "2";
  source.set(rules);
  for (int i = 0; i < 6; ++i) {
    watch.look();
    CHECK(watch.is_over("a"));
  }
  watch.look();
  CHECK(!watch.has_news());
  CHECK(!watch.is_over("a"));
}
