#include "actors/job_poller/poll_listing.hpp"
#include "actors/job_poller/polling_plan.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <set>

// Whether and whom to poll, and the walk over a list.

using namespace tunerd;
using namespace std::literals;

namespace {

const polling_ledger::time_point start_time{std::chrono::hours{1}};

due_job nth(size_t n) {
  const auto id = std::to_string(n);
  return {.id = id, .provider = "p", .external_id = "x" + id};
}

} // namespace

TEST_CASE("polling follows the operator, else the webhooks",
          "[job_poller][P10]") {
  const std::vector<polled_provider> both{{.name = "a"}, {"b", true}};
  auto on = decide_polling(true, both);
  CHECK(on.is_active);
  CHECK(on.source == "enterprise");
  CHECK(on.mode_of("b") == polling_mode::every_round);
  auto off = decide_polling(false, both);
  CHECK(!off.is_active);
  CHECK(off.mode_of("a") == polling_mode::off);
  CHECK(off.mode_of("b") == polling_mode::off);
  auto unset = decide_polling({}, both);
  CHECK(unset.is_active);
  CHECK(unset.source == "auto");
  CHECK(unset.mode_of("a") == polling_mode::every_round);
  CHECK(unset.mode_of("b") == polling_mode::when_silent);
  CHECK(unset.mode_of("c") == polling_mode::off);
  CHECK(!decide_polling({}, {{"b", true}}).is_active);
  // Nothing comes from there, whatever URL is set.
  CHECK(decide_polling({}, {{.name = "b", .sends_webhooks = false}},
                       {.has_webhook_url = {{"b", true}}})
          .mode_of("b")
        == polling_mode::every_round);
}

TEST_CASE("the file wins over the setting, the setting over webhooks",
          "[job_poller][P10]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 dice{seed};
  const auto any = [&dice]() -> std::optional<bool> {
    const auto x = dice() % 3;
    return x == 2 ? std::nullopt : std::optional{x == 1};
  };
  for (int run = 0; run < 5'000; ++run) {
    const auto file = any();
    stored_polling api{.enabled = any()};
    std::vector<polled_provider> providers;
    bool somebody = false;
    for (const auto* name : {"a", "b", "c"}) {
      const auto by_api = any();
      const bool by_file = dice() % 2 == 0;
      if (by_api)
        api.has_webhook_url[name] = *by_api;
      providers.push_back({name, by_file});
      somebody = somebody || !by_api.value_or(by_file);
    }
    const auto x = decide_polling(file, providers, api);
    const auto word = file ? file : api.enabled;
    REQUIRE(x.source
            == (file          ? "enterprise"
                : api.enabled ? "setting"
                              : "auto"));
    REQUIRE(x.is_active == word.value_or(somebody));
    for (const auto& y : providers) {
      const auto i = api.has_webhook_url.find(y.name);
      const bool hooked
        = i == api.has_webhook_url.end() ? y.has_webhook_url : i->second;
      const auto automatic
        = hooked ? polling_mode::when_silent : polling_mode::every_round;
      REQUIRE(x.mode_of(y.name)
              == (!word   ? automatic
                  : *word ? polling_mode::every_round
                          : polling_mode::off));
    }
  }
}

TEST_CASE("of what is stored only polling and webhook URLs matter",
          "[job_poller]") {
  auto x = read_stored({{"cloud_job_polling_enabled", "true"},
                        {"provider.a.webhook_url", "\"https://x/y\""},
                        {"provider.b.webhook_url", "\"\""},
                        {"provider.c.webhook_url", "null"},
                        {"provider.d.webhook_secret", "\"s\""},
                        {"provider..webhook_url", "\"https://x\""},
                        {"queue.max_concurrent", "7"}});
  CHECK(x.enabled == true);
  CHECK(
    x.has_webhook_url
    == std::map<std::string, bool>{{"a", true}, {"b", false}, {"c", false}});
  CHECK(read_stored({{"cloud_job_polling_enabled", "false"}}).enabled == false);
  CHECK(!read_stored({{"cloud_job_polling_enabled", "null"}}).enabled);
  CHECK(!read_stored({{"cloud_job_polling_enabled", "\"true\""}}).enabled);
  CHECK(!read_stored({{"cloud_job_polling_enabled_too", "true"}}).enabled);
}

TEST_CASE("the ledger remembers active jobs only", "[job_poller]") {
  polling_ledger ledger;
  const auto on = decide_polling(true, {{"replicate"}});
  std::vector<job> active;
  for (int i = 0; i < 100; ++i)
    active.push_back({.id = std::to_string(i), .provider = "replicate"});
  CHECK(ledger.choose(active, on, {}, {}, true).size() == 100);
  CHECK(ledger.choose(active, on, {}, {}, false).empty());
  CHECK(ledger.size() == 100);
  int news = 0;
  for (int i = 0; i < 50; ++i)
    news += ledger.is_news("7", std::to_string(i % 25)) ? 1 : 0;
  CHECK(news == 8);
  active.erase(active.begin() + 1, active.end());
  ledger.choose(active, on, {}, {}, true);
  CHECK(ledger.size() == 1);
  CHECK(!ledger.is_news("7", "new"));
}

TEST_CASE("the first round asks at once, later ones take their time",
          "[job_poller]") {
  CHECK(spread_of(0, 30s) == 0s);
  CHECK(spread_of(1, 30s) == 3s);
  CHECK(spread_of(9, 30s) == 27s);
  CHECK(spread_of(10, 30s) == 30s);
  CHECK(spread_of(4'000'000'000, 30s) == 30s);
}

TEST_CASE("who was left over comes before everybody else", "[job_poller][P3]") {
  polling_ledger ledger;
  auto clock = start_time;
  const auto on = decide_polling(true, {{"p"}});
  std::vector<job> active;
  for (int i = 0; i < 6; ++i)
    active.push_back({.id = std::to_string(i), .provider = "p"});
  const auto order = [&](polling_ledger::time_point now) {
    std::string result;
    for (const auto* x : ledger.choose(active, on, now, {}, true))
      result += x->id;
    return result;
  };
  CHECK(order(clock) == "012345");
  for (const auto* id : {"3", "0", "1"})
    ledger.note_asked(id, clock += 1s);
  CHECK(order(clock) == "245301");
  active.push_back({.id = "6", .provider = "p"});
  ledger.note_asked("gone", clock);
  CHECK(order(clock) == "2456301");
}

TEST_CASE("a cursor that leads nowhere ends the walk", "[job_poller]") {
  poll_listing walk{{"c"}};
  for (size_t i = 0; i < 300; ++i)
    CHECK(walk.want(nth(i)));
  CHECK(!walk.want(nth(7)));
  CHECK(walk.question("p").created_after == timestamp{});
  provider_job_page page{.ctx = {"c"}, .jobs = {}};
  page.next = "here";
  for (size_t i = 0; i < 100; ++i)
    page.jobs.push_back({.external_id = "x" + std::to_string(i)});
  CHECK(walk.read(page).size() == 100);
  CHECK(walk.read(page).empty());
  CHECK(walk.is_over());
  const auto rest = walk.rest();
  REQUIRE(rest.size() == 200);
  CHECK(rest.front().id == "100");
  CHECK(rest.back().id == "299");
}

TEST_CASE("a walk begins five minutes before its oldest job", "[job_poller]") {
  poll_listing walk{{"c"}};
  auto x = nth(1);
  x.created_at = timestamp{100h};
  walk.want(std::move(x));
  x = nth(2);
  x.created_at = timestamp{50h};
  walk.want(std::move(x));
  const auto question = walk.question("p");
  CHECK(question.created_after == timestamp{50h - 5min});
  CHECK(question.provider == "p");
  CHECK(question.ctx.correlation_id == "c");
}

TEST_CASE("every change of what a provider says has its digest",
          "[job_poller][P5]") {
  const provider_job seen{.external_id = "x1",
                          .raw_status = "processing",
                          .status = job_status::running,
                          .output_url = "https://out"};
  CHECK(digest_of(seen) == digest_of(provider_job{seen}));
  CHECK(digest_of({}) != 0);
  std::set<uint64_t> digests{digest_of(seen)};
  const auto differs = [&](auto change) {
    auto other = seen;
    change(other);
    return digests.insert(digest_of(other)).second;
  };
  CHECK(differs([](auto& x) { x.external_id = "x2"; }));
  CHECK(differs([](auto& x) { x.raw_status = "starting"; }));
  CHECK(differs([](auto& x) { x.status = caf::none; }));
  CHECK(differs([](auto& x) { x.status = job_status::queued; }));
  CHECK(differs([](auto& x) { x.created_at = timestamp{1s}; }));
  CHECK(differs([](auto& x) { x.started_at = timestamp{1s}; }));
  CHECK(differs([](auto& x) { x.completed_at = timestamp{1s}; }));
  CHECK(differs([](auto& x) { x.cost_micros = 0; }));
  CHECK(differs([](auto& x) { x.output_url.clear(); }));
  CHECK(differs([](auto& x) { x.error_message = "https://out"; }));
  CHECK(differs([](auto& x) { std::swap(x.output_url, x.error_message); }));
  CHECK(differs([](auto& x) { x.version = "v"; }));
  CHECK(differs([](auto& x) { x.logs = "l"; }));
}
