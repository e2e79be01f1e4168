#include "actors/job_poller/job_poller.hpp"

#include "tests/deterministic.hpp"
#include "tests/log_capture.hpp"

#include <algorithm>
#include <random>

using namespace tunerd;
using namespace std::literals;

namespace {

job make_job(const std::string& id, const std::string& provider = "replicate",
             job_status status = job_status::queued) {
  job result{.id = id, .provider = provider, .status = status};
  result.hardware_profile = "h100";
  result.correlation_id = "corr-" + id;
  result.external_id = "ext-" + id;
  return result;
}

provider_job says(const std::string& raw, caf::optional<job_status> status) {
  provider_job result{};
  result.raw_status = raw;
  result.status = status;
  return result;
}

struct poller_fixture : test::deterministic {
  poller_fixture() {
    settings.out = {.now =
                      [this] {
                        scope = current_context();
                        return now();
                      },
                    .random = rng};
    settings.providers = {{.name = "replicate"}};
    store = spawn(
      [this](job_store_actor::pointer me) { return store_behavior(me); });
    gateway = spawn([this](provider_gateway_actor::pointer me) {
      return gateway_behavior(me);
    });
  }

  job_store_actor::behavior_type store_behavior(job_store_actor::pointer me) {
    const auto refuse = [] { return make_error(ec::conflict, "not used"); };
    using found = caf::result<job_found>;
    return {
      [=](const submit_job&) -> caf::result<job_submitted> { return refuse(); },
      [=](const get_job&) -> found { return refuse(); },
      [=](const list_jobs&) -> caf::result<job_list> { return refuse(); },
      [=](const end_job&) -> found { return refuse(); },
      [=](const delete_job&) -> found { return refuse(); },
      [this](const apply_status& x) -> caf::result<status_applied> {
        applied.push_back(x);
        if (store_fails)
          return make_error(ec::database_error, "disk full");
        return status_applied{x.ctx, {}};
      },
      [this](const report_missing_job& x) -> caf::result<status_applied> {
        missing.push_back(x);
        return status_applied{x.ctx, {}};
      },
      [this, me](const list_active_jobs& x) -> caf::result<job_list> {
        listings.push_back(x.ctx);
        if (store_fails)
          return make_error(ec::database_error, "disk full");
        if (store_is_slow)
          return me->make_response_promise<job_list>(); // Never kept.
        return job_list{x.ctx, active, static_cast<int64_t>(active.size())};
      },
      [=](const apply_webhook&) -> caf::result<webhook_applied> {
        return refuse();
      },
      [=](const import_jobs&) -> caf::result<jobs_imported> {
        return refuse();
      },
      [=](const get_job_logs&) -> caf::result<job_logs_found> {
        return refuse();
      },
    };
  }

  provider_gateway_actor::behavior_type
  gateway_behavior(provider_gateway_actor::pointer me) {
    const auto refuse = [] { return make_error(ec::conflict, "not used"); };
    return {
      [=](const prepare_job&) -> caf::result<job_prepared> { return refuse(); },
      [this](const submit_to_provider& x) { // Here: `release`.
        for (auto& [question, promise] : std::exchange(promises, {}))
          promise.deliver(provider_job_found{question.ctx, seen});
        return submission_outcome{x.ctx};
      },
      [this, me](const get_provider_job& x) -> caf::result<provider_job_found> {
        asked.push_back(x);
        if (held.count(x.provider) + held.count(x.external_id) == 0)
          return answer(x);
        auto promise = me->make_response_promise<provider_job_found>();
        promises.emplace_back(x, promise);
        return promise;
      },
      [=](const list_provider_jobs&) -> caf::result<provider_job_page> {
        return refuse();
      },
      [=](const cancel_provider_job&) -> caf::result<provider_job_cancelled> {
        return refuse();
      },
    };
  }

  caf::result<provider_job_found> answer(const get_provider_job& x) const {
    if (failure)
      return *failure;
    auto result = seen;
    result.external_id = x.external_id;
    return provider_job_found{x.ctx, result};
  }

  /// Lets held calls of `provider` answer.
  void release(const std::string& provider) {
    held.erase(provider);
    // A promise may only be kept by its actor.
    caf::anon_send(gateway, submit_to_provider{{}, provider, {}, {}});
    settle();
  }

  settings_store_actor::behavior_type
  stored_behavior(settings_store_actor::pointer me) {
    return {
      [this, me](const get_settings& x) -> caf::result<settings_found> {
        read.push_back(x);
        if (store_fails)
          return make_error(ec::database_error, "disk full");
        if (settings_are_slow) {
          settings_promises.emplace_back(
            x, me->make_response_promise<settings_found>());
          return settings_promises.back().second;
        }
        return find(x);
      },
      [this](const put_settings& x) { // Here: `release_settings`.
        for (auto& [query, promise] : std::exchange(settings_promises, {}))
          promise.deliver(find(query));
        return settings_found{x.ctx};
      },
    };
  }

  settings_found find(const get_settings& x) const {
    settings_found result{x.ctx};
    for (const auto& [key, value] : values)
      if (key.starts_with(x.prefix))
        result.values.emplace(key, value);
    return result;
  }

  void release_settings() {
    settings_are_slow = false;
    caf::anon_send(stored, put_settings{});
    settle();
  }

  /// From now on pollers have a store for settings, `values`.
  void add_settings_store() {
    stored = spawn(
      [this](settings_store_actor::pointer me) { return stored_behavior(me); });
  }

  void start() {
    settings.polling = polling;
    aut = spawn(job_poller, settings, store, stored, gateway);
    settle();
  }

  polling_status refresh(const std::string& id = "corr-9") {
    return ask<polling_status>(aut, refresh_polling{{id}});
  }

  int64_t poll(std::vector<std::string> ids) {
    const auto answer
      = ask<jobs_polled>(aut, poll_jobs{{"corr-7"}, std::move(ids)});
    CHECK(answer.ctx.correlation_id == "corr-7");
    return answer.synced;
  }

  polling_status status() {
    return ask<polling_status>(aut, get_polling_status{{"corr-1"}});
  }

  /// Ids of the jobs asked about since the last call, sorted.
  std::vector<std::string> who_was_asked() {
    std::vector<std::string> result;
    for (const auto& x : std::exchange(asked, {}))
      result.push_back(x.external_id.substr(4));
    std::sort(result.begin(), result.end());
    return result;
  }

  using names = std::vector<std::string>;

  std::mt19937_64 rng{7};
  config::polling polling;
  job_poller_settings settings;
  job_store_actor store;
  settings_store_actor stored;
  provider_gateway_actor gateway;
  job_poller_actor aut;

  // Knobs of the two.
  std::vector<job> active;
  bool store_fails = false;
  bool store_is_slow = false;
  std::map<std::string, std::string> values;
  bool settings_are_slow = false;
  provider_job seen = says("processing", job_status::running);
  std::optional<caf::error> failure;
  /// Providers and external ids whose answers wait.
  std::set<std::string> held;

  // What they were told.
  std::vector<context> listings;
  /// In force when the poller read the time of day.
  context scope;
  std::vector<apply_status> applied;
  std::vector<report_missing_job> missing;
  std::vector<get_provider_job> asked;
  std::vector<get_settings> read;
  std::vector<
    std::pair<get_settings, caf::typed_response_promise<settings_found>>>
    settings_promises;
  std::vector<std::pair<get_provider_job,
                        caf::typed_response_promise<provider_job_found>>>
    promises;
};

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

TEST_CASE("the poll queue asks everybody once and never too many",
          "[job_poller][P1][P3]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 dice{seed};
  for (int run = 0; run < 500; ++run) {
    const auto limit = static_cast<int32_t>(1 + dice() % 4);
    poll_queue queue{{{"a", false, limit}, {"b", false, limit}}};
    std::vector<due_job> flying;
    std::set<std::string> inside;
    for (int step = 0; step < 60; ++step) {
      const std::string provider = dice() % 2 == 0 ? "a" : "b";
      const auto id = provider + std::to_string(dice() % 12);
      switch (dice() % 4) {
        case 0:
          REQUIRE(queue.add({{}, id, provider, {}, {}})
                  == inside.insert(id).second);
          break;
        case 1: {
          const auto in_flight
            = std::count_if(flying.begin(), flying.end(), [&](const auto& x) {
                return x.provider == provider;
              });
          if (auto x = queue.next(provider)) {
            REQUIRE(in_flight < limit);
            flying.push_back(*x);
          } else { // The other provider is no reason to wait.
            const auto waits
              = std::count_if(inside.begin(), inside.end(), [&](const auto& y) {
                  return y[0] == provider[0];
                });
            REQUIRE((in_flight == limit || waits == in_flight));
          }
          break;
        }
        case 2:
          if (flying.empty())
            break;
          queue.done(flying.back());
          inside.erase(flying.back().id);
          flying.pop_back();
          break;
        default:
          if (dice() % 5 > 0)
            break;
          auto kept = inside;
          kept.erase(id);
          const bool flies
            = std::any_of(flying.begin(), flying.end(),
                          [&](const auto& x) { return x.id == id; });
          const bool waits = inside.count(id) > 0 && !flies;
          REQUIRE(queue.keep_only(kept).size() == (waits ? 1 : 0));
          if (waits)
            inside.erase(id);
      }
      REQUIRE(queue.size() == inside.size());
    }
  }
  CHECK(!poll_queue{}.add({{}, "1", "nobody", {}, {}}));
}

TEST_CASE("the ledger remembers active jobs only", "[job_poller]") {
  polling_ledger ledger;
  const auto on = decide_polling(true, {{"replicate"}});
  std::vector<job> active;
  for (int i = 0; i < 100; ++i)
    active.push_back(make_job(std::to_string(i)));
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

TEST_CASE_METHOD(poller_fixture, "every active job is asked once per interval",
                 "[job_poller][P1][P12]") {
  for (int i = 0; i < 200; ++i)
    active.push_back(make_job(std::to_string(i)));
  start();
  CHECK(asked.size() == 200);
  advance(29900ms);
  CHECK(asked.size() == 200);
  advance(100ms);
  CHECK(asked.size() == 400);
  advance(90s);
  CHECK(asked.size() == 1000);
  CHECK(applied.size() == 1000);
}

TEST_CASE_METHOD(poller_fixture, "every non-empty external id is asked",
                 "[job_poller][P2]") {
  for (const auto* id : {"abc-001def", "latest9", "k3writej", ""}) {
    active.push_back(make_job(id));
    active.back().external_id = id;
  }
  start();
  REQUIRE(asked.size() == 3);
  CHECK(asked[0].external_id == "abc-001def");
  CHECK(asked[0].hardware_profile == "h100");
}

TEST_CASE_METHOD(poller_fixture, "what the provider says reaches the store",
                 "[job_poller]") {
  active = {make_job("1")};
  seen.cost_micros = 42;
  start();
  REQUIRE(applied.size() == 1);
  CHECK(applied[0].job_id == "1");
  CHECK(applied[0].source == change_source::poll);
  CHECK(applied[0].seen.external_id == "ext-1");
  CHECK(applied[0].seen.status == job_status::running);
  CHECK(applied[0].seen.cost_micros == int64_t{42});
}

TEST_CASE_METHOD(poller_fixture, "work about a job carries the job's context",
                 "[job_poller][L3]") {
  active = {make_job("1"), make_job("2")};
  start();
  REQUIRE(asked.size() == 2);
  CHECK(asked[1].ctx.correlation_id == "corr-2");
  CHECK(asked[1].ctx.fields.at("job_id") == "2");
  CHECK(applied.at(0).ctx.correlation_id == "corr-1");
  advance(30s);
  REQUIRE(listings.size() == 2);
  CHECK(listings[0].correlation_id.size() == 12);
  CHECK(listings[0].correlation_id != listings[1].correlation_id);
  CHECK(scope.correlation_id == listings[1].correlation_id);
}

TEST_CASE_METHOD(poller_fixture, "a slow provider delays no other",
                 "[job_poller][P3]") {
  settings.providers = {{.name = "replicate", .max_in_flight = 2},
                        {.name = "simpletuner_io", .max_in_flight = 2}};
  held = {"replicate"};
  for (const auto* id : {"1", "2", "3", "4"}) {
    active.push_back(make_job(id));
    active.push_back(make_job("io" + std::string{id}, "simpletuner_io"));
  }
  start();
  CHECK(who_was_asked() == names{"1", "2", "io1", "io2", "io3", "io4"});
  advance(30s);
  CHECK(who_was_asked() == names{"io1", "io2", "io3", "io4"});
  release("replicate");
  CHECK(who_was_asked() == names{"3", "4"});
  advance(30s);
  CHECK(who_was_asked().size() == 8);
}

TEST_CASE_METHOD(poller_fixture, "a slow job is not asked twice at once",
                 "[job_poller][P3]") {
  polling.interval = 5s;
  active = {make_job("1"), make_job("2")};
  held = {"ext-1"};
  start();
  CHECK(who_was_asked() == names{"1", "2"});
  advance(35s);
  CHECK(who_was_asked() == names(7, "2"));
  advance(10s); // The request has timed out at 40 s.
  CHECK(who_was_asked() == names{"1", "2", "2"});
}

TEST_CASE_METHOD(poller_fixture, "a job that ends while it waits is not asked",
                 "[job_poller]") {
  settings.providers[0].max_in_flight = 1;
  held = {"replicate"};
  active = {make_job("1"), make_job("2"), make_job("3")};
  start();
  active = {make_job("3")};
  advance(30s);
  release("replicate");
  CHECK(who_was_asked() == names{"1", "3"});
  advance(30s);
  CHECK(who_was_asked() == names{"3"});
}

TEST_CASE_METHOD(poller_fixture, "a failed question is asked again next round",
                 "[job_poller]") {
  active = {make_job("1")};
  failure = make_error(ec::provider_timeout, "slow");
  start();
  advance(29s);
  CHECK(asked.size() == 1);
  CHECK(applied.empty());
  CHECK(missing.empty());
  failure.reset();
  advance(1s);
  CHECK(applied.size() == 1);
}

TEST_CASE_METHOD(poller_fixture, "a job the provider has forgotten is reported",
                 "[job_poller][P8]") {
  active = {make_job("1")};
  failure = make_error(ec::no_such_provider_job, "404");
  start();
  advance(30s);
  REQUIRE(missing.size() == 2);
  CHECK(missing[0].job_id == "1");
  CHECK(missing[0].ctx.correlation_id == "corr-1");
}

TEST_CASE_METHOD(poller_fixture, "an unknown status is passed on as none",
                 "[job_poller][P7]") {
  active = {make_job("1")};
  seen = says("levitating", caf::none);
  start();
  REQUIRE(applied.size() == 1);
  CHECK(!applied[0].seen.status);
}

TEST_CASE_METHOD(poller_fixture, "the poller outlives a store that fails",
                 "[job_poller]") {
  active = {make_job("1")};
  store_fails = true;
  start();
  advance(60s);
  CHECK(listings.size() == 3);
  CHECK(asked.empty());
  store_fails = false;
  advance(30s);
  CHECK(applied.size() == 1);
  store_is_slow = true;
  advance(60s);
  CHECK(listings.size() == 6);
  store_is_slow = false;
  advance(30s);
  CHECK(applied.size() == 2);
}

TEST_CASE_METHOD(poller_fixture, "a store that fails to apply loses nothing",
                 "[job_poller]") {
  active = {make_job("1")};
  held = {"replicate"};
  start();
  store_fails = true;
  release("replicate");
  CHECK(applied.size() == 1);
  store_fails = false;
  advance(30s);
  CHECK(applied.size() == 2);
}

TEST_CASE_METHOD(poller_fixture, "a slow store is asked once at a time",
                 "[job_poller]") {
  polling.interval = 1s;
  store_is_slow = true;
  start();
  advance(9s);
  CHECK(listings.size() == 1);
  advance(2s);
  CHECK(listings.size() == 2);
}

TEST_CASE_METHOD(poller_fixture, "an explicit false stops polling in any case",
                 "[job_poller][P10]") {
  polling.enabled = false;
  settings.providers.push_back({"hooked", true});
  active = {make_job("1"), make_job("2", "hooked")};
  start();
  advance(1800s, 1s);
  CHECK(asked.empty());
  CHECK(!status().is_active);
  CHECK(status().source == "enterprise");
  CHECK(!ask<polling_status>(aut, refresh_polling{{"c"}}).is_active);
  CHECK(asked.empty());
}

TEST_CASE_METHOD(poller_fixture, "an explicit true polls despite webhooks",
                 "[job_poller][P10]") {
  polling.enabled = true;
  settings.providers = {{"replicate", true}};
  active = {make_job("1")};
  start();
  CHECK(asked.size() == 1);
  CHECK(status().is_active);
  CHECK(status().interval == 30s);
}

TEST_CASE_METHOD(poller_fixture,
                 "with a webhook only a silent job is asked, every 15 minutes",
                 "[job_poller][P10]") {
  settings.providers = {{"replicate", true}};
  active = {make_job("1"), make_job("2")};
  for (auto& x : active)
    x.created_at = now();
  start();
  CHECK(!status().is_active);
  CHECK(status().source == "auto");
  advance(600s, 1s);
  active[1].status = job_status::running; // A webhook came.
  advance(299s, 1s);
  CHECK(asked.empty());
  advance(61s, 1s);
  CHECK(who_was_asked() == names{"1"});
  advance(600s, 1s);
  CHECK(who_was_asked() == names{"2"});
  advance(300s, 1s);
  CHECK(who_was_asked() == names{"1"});
}

TEST_CASE_METHOD(poller_fixture, "a long interval does not delay that",
                 "[job_poller][P10]") {
  polling.interval = 3600s;
  settings.providers = {{"replicate"}, {"hooked", true}};
  active = {make_job("1"), make_job("2", "hooked")};
  active[1].created_at = now();
  start();
  CHECK(who_was_asked() == names{"1"});
  advance(961s, 1s);
  CHECK(who_was_asked() == names{"2"});
  advance(2700s, 1s);
  CHECK(who_was_asked() == names{"1", "2", "2", "2"});
}

TEST_CASE_METHOD(poller_fixture, "silence while the daemon was down counts",
                 "[job_poller][P10]") {
  settings.providers = {{"replicate", true}};
  active = {make_job("1"), make_job("2")};
  active[0].created_at = now() - 3600s;
  active[1].created_at = now() - 3600s;
  active[1].started_at = now() - 60s;
  start();
  CHECK(who_was_asked() == names{"1"});
}

TEST_CASE_METHOD(poller_fixture, "a refresh polls at once and keeps one timer",
                 "[job_poller]") {
  active = {make_job("1")};
  start();
  advance(10s);
  const auto answer = ask<polling_status>(aut, refresh_polling{{"corr-9"}});
  CHECK(answer.ctx.correlation_id == "corr-9");
  CHECK(answer.is_active);
  CHECK(asked.size() == 2);
  advance(29s);
  CHECK(asked.size() == 2);
  advance(1s);
  CHECK(asked.size() == 3);
  CHECK(listings.size() == 3); // The old timer has not even looked.
}

TEST_CASE_METHOD(poller_fixture, "ticks keep their phase", "[job_poller]") {
  active = {make_job("1")};
  start();
  sched.advance_time(75s); // The process was held up.
  settle();
  CHECK(asked.size() == 2);
  advance(14s);
  CHECK(asked.size() == 2);
  advance(1s);
  CHECK(asked.size() == 3);
}

TEST_CASE_METHOD(poller_fixture, "a stop in the middle leaves nothing behind",
                 "[job_poller]") {
  active = {make_job("1")};
  held = {"replicate"};
  start();
  caf::anon_send_exit(aut, caf::exit_reason::user_shutdown);
  settle();
  release("replicate");
  advance(60s);
  CHECK(applied.empty());
  CHECK(asked.size() == 1);
  CHECK(code_of(ask_error<polling_status>(aut, get_polling_status{{"c"}}))
        == ec::worker_restarting);
}

TEST_CASE_METHOD(poller_fixture, "the poller says why it polls",
                 "[job_poller][P10]") {
  test::log_capture log;
  start();
  CHECK(log.messages()
        == "INFO Auto-enabling job polling (no webhook configured)\n"
           "INFO Starting job status polling (Auto, interval: 30s)\n"
           "INFO Job polling loop started (interval: 30s)\n");
  CHECK(log.lines().at(0).logger == "simpletuner.cloud.polling");
  log.clear();
  ask<polling_status>(aut, refresh_polling{{"corr-9"}});
  REQUIRE(
    log.contains("INFO", "Stopped existing job polling task for refresh"));
  CHECK(log.lines().at(0).correlation_id == "corr-9");
  caf::anon_send_exit(aut, caf::exit_reason::user_shutdown);
  settle();
  CHECK(log.contains("INFO", "Job polling loop stopped"));

  log.clear();
  polling.enabled = true;
  polling.interval = 7s;
  start();
  CHECK(log.contains("INFO", "Starting job status polling "
                             "(Enterprise Config, interval: 7s)"));
  CHECK(!log.contains("Auto"));

  log.clear();
  polling.enabled = false;
  start();
  CHECK(log.contains("INFO", "Job status polling is explicitly disabled in "
                             "Enterprise Config"));
  CHECK(log.lines().size() == 1);
}

TEST_CASE_METHOD(poller_fixture, "a round says how many it synced, if any",
                 "[job_poller]") {
  test::log_capture log;
  start();
  CHECK(!log.contains("Synced"));
  active = {make_job("1"), make_job("2"), make_job("3")};
  held = {"ext-3"};
  advance(30s);
  CHECK(!log.contains("Synced"));
  advance(40s); // The next round asks two, then the third times out.
  const auto lines = log.lines_with("Synced 2 active jobs");
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].level == "DEBUG");
  CHECK(lines[0].correlation_id == listings.at(2).correlation_id);
  CHECK(lines[1].correlation_id == listings.at(1).correlation_id);
}

TEST_CASE_METHOD(poller_fixture, "a failure is a line with its reason",
                 "[job_poller]") {
  test::log_capture log;
  active = {make_job("1")};
  failure = make_error(ec::provider_timeout, "slow");
  start();
  const auto lines
    = log.lines_with("Failed to sync job 1: provider_timeout: slow");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].level == "DEBUG");
  CHECK(lines[0].correlation_id == "corr-1");
  CHECK(lines[0].extra.at("job_id") == "1");
  store_fails = true;
  advance(30s);
  REQUIRE(
    log.contains("ERROR", "Error in job polling: database_error: disk full"));
  CHECK(log.lines_with("Error in").at(0).correlation_id
        == listings.at(1).correlation_id);
}

TEST_CASE_METHOD(poller_fixture, "a provider's trouble is said once",
                 "[job_poller]") {
  test::log_capture log;
  active = {make_job("1"), make_job("2")};
  failure = make_error(ec::provider_unavailable, "401");
  start();
  advance(60s);
  const std::string text = "Failed to sync jobs for provider replicate: "
                           "provider_unavailable: 401";
  REQUIRE(log.lines_with(text).size() == 1);
  CHECK(log.lines_with(text).at(0).level == "ERROR");
  CHECK(log.lines_with("Failed to sync job 1").size() > 1);
  failure.reset();
  advance(30s);
  failure = make_error(ec::provider_unavailable, "401");
  advance(30s);
  CHECK(log.lines_with(text).size() == 2);
}

TEST_CASE_METHOD(poller_fixture, "an unknown status warns once per value",
                 "[job_poller][P7]") {
  test::log_capture log;
  active = {make_job("1"), make_job("2")};
  seen = says("levitating", caf::none);
  start();
  advance(90s);
  const auto lines
    = log.lines_with("Unknown status 'levitating' for job 2, keeping queued");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].level == "WARNING");
  CHECK(lines[0].correlation_id == "corr-2");
  seen = says("", caf::none);
  advance(60s);
  CHECK(log.lines_with("Unknown status").size() == 4);
}

TEST_CASE_METHOD(poller_fixture, "what cannot be asked is said",
                 "[job_poller]") {
  test::log_capture log;
  active = {make_job("1"), make_job("2", "skynet"), make_job("3", "skynet")};
  active[0].external_id.clear();
  start();
  advance(30s);
  CHECK(
    log.contains("DEBUG", "Skipping sync for job 1 - no valid external ID"));
  CHECK(log.lines_with("Unknown provider: skynet").size() == 1);
  CHECK(log.contains("WARNING", "Unknown provider: skynet"));
  CHECK(asked.empty());
}

TEST_CASE_METHOD(poller_fixture,
                 "the stored setting decides if the file is "
                 "silent",
                 "[job_poller][P10][Q9]") {
  test::log_capture log;
  add_settings_store();
  active = {make_job("1")};
  values["cloud_job_polling_enabled"] = "false";
  start();
  advance(60s);
  CHECK(asked.empty());
  CHECK(!status().is_active);
  CHECK(status().source == "setting");
  CHECK(log.messages()
        == "INFO Job status polling is explicitly disabled in WebUI "
           "settings\n");
  log.clear();
  values["cloud_job_polling_enabled"] = "true";
  settings.providers = {{"replicate", true}};
  start();
  CHECK(asked.size() == 1);
  CHECK(status().is_active);
  CHECK(log.messages().starts_with("INFO Starting job status polling (WebUI "
                                   "Setting, interval: 30s)\n"
                                   "INFO Job polling loop started (interval: "
                                   "30s)\n"));
  polling.enabled = false;
  start();
  CHECK(status().source == "enterprise");
  CHECK(!status().is_active);
}

TEST_CASE_METHOD(poller_fixture, "a refresh reads what was set over the API",
                 "[job_poller][P10]") {
  test::log_capture log;
  add_settings_store();
  active = {make_job("1")};
  start();
  CHECK(status().source == "auto");
  REQUIRE(read.size() == 2);
  CHECK(read[0].prefix == "cloud_job_polling_enabled");
  CHECK(read[1].prefix == "provider.");
  CHECK(read[0].ctx.correlation_id.size() == 12);

  values["provider.replicate.webhook_url"] = "\"https://tunerd.example\"";
  log.clear();
  auto answer = refresh();
  CHECK(answer.ctx.correlation_id == "corr-9");
  CHECK(!answer.is_active);
  CHECK(read.back().ctx.correlation_id == "corr-9");
  CHECK(log.lines_with("Stopped existing job polling task for refresh")
          .at(0)
          .correlation_id
        == "corr-9");
  who_was_asked();
  advance(60s);
  CHECK(asked.empty());

  values["cloud_job_polling_enabled"] = "true";
  answer = refresh();
  CHECK(answer.is_active);
  CHECK(answer.source == "setting");
  CHECK(asked.size() == 1); // At once.

  values = {{"provider.replicate.webhook_url", "\"\""}};
  settings.providers[0].has_webhook_url = true;
  start();
  CHECK(status().is_active); // Unset over the API wins over the file, too.
}

TEST_CASE_METHOD(poller_fixture, "a decision waits for what is stored",
                 "[job_poller][P10]") {
  add_settings_store();
  active = {make_job("1")};
  settings_are_slow = true;
  values["cloud_job_polling_enabled"] = "false";
  start();
  CHECK(asked.empty());
  const auto later = std::chrono::minutes{1};
  auto query = self->request(aut, later, get_polling_status{{"c1"}});
  auto command = self->request(aut, later, refresh_polling{{"c2"}});
  settle();
  release_settings();
  const auto fail = [](const caf::error& err) { FAIL(render(err)); };
  query.receive([](const polling_status& x) { CHECK(x.source == "setting"); },
                fail);
  command.receive(
    [](const polling_status& x) {
      CHECK(x.source == "setting");
      CHECK(x.ctx.correlation_id == "c2");
    },
    fail);
  CHECK(read.size() == 4); // The refresh had it read once more.
  CHECK(asked.empty());
}

TEST_CASE_METHOD(poller_fixture, "a refresh during a refresh reads again",
                 "[job_poller]") {
  add_settings_store();
  start();
  settings_are_slow = true;
  const auto later = std::chrono::minutes{1};
  auto first = self->request(aut, later, refresh_polling{{"c1"}});
  settle();
  caf::anon_send(stored, put_settings{}); // Answers what it has now: nothing.
  values["cloud_job_polling_enabled"] = "false";
  auto second = self->request(aut, later, refresh_polling{{"c2"}});
  settle();
  release_settings();
  const auto fail = [](const caf::error& err) { FAIL(render(err)); };
  first.receive([](const polling_status&) {}, fail);
  second.receive([](const polling_status& x) { CHECK(x.source == "setting"); },
                 fail);
  settings_are_slow = true;
  for (int i = 0; i < 101; ++i)
    caf::anon_send(aut, refresh_polling{{"c"}});
  CHECK(code_of(ask_error<polling_status>(aut, refresh_polling{{"c"}}))
        == ec::overloaded);
}

TEST_CASE_METHOD(poller_fixture,
                 "without an answer it decides by what it knows",
                 "[job_poller][P10]") {
  test::log_capture log;
  add_settings_store();
  active = {make_job("1")};
  values["cloud_job_polling_enabled"] = "false";
  store_fails = true;
  start();
  CHECK(status().source == "auto");
  CHECK(log.contains("WARNING", "Cannot read the polling settings, going on "
                                "without: database_error: disk full"));
  advance(60s);
  CHECK(read.size() == 3);
  CHECK(log.lines_with("Cannot read").size() == 1);
  store_fails = false;
  advance(31s);
  CHECK(status().source == "setting");
  CHECK(!status().is_active);
  asked.clear();
  advance(90s);
  CHECK(asked.empty());
  CHECK(read.size() == 5);

  store_fails = true; // What was read once is still known.
  CHECK(refresh().source == "setting");
  values["cloud_job_polling_enabled"] = "true";
  store_fails = false;
  advance(31s); // Off, and yet it tries to read again.
  CHECK(status().is_active);
  CHECK(asked.size() == 1);
}

TEST_CASE_METHOD(poller_fixture, "a retry that changes nothing starts nothing",
                 "[job_poller]") {
  add_settings_store();
  store_fails = true;
  start();
  store_fails = false;
  test::log_capture log;
  advance(61s);
  CHECK(read.size() == 3);
  CHECK(!log.contains("Stopped existing"));
  CHECK(listings.size() == 3);
}

TEST_CASE_METHOD(poller_fixture, "a command asks about exactly its jobs",
                 "[job_poller][L3]") {
  test::log_capture log;
  polling.enabled = false;
  active = {make_job("1"), make_job("2"), make_job("3"),
            make_job("4", "skynet"), make_job("5")};
  active[4].external_id.clear();
  start();
  CHECK(poll({"1", "3", "4", "5", "gone", "1"}) == 2);
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].ctx.correlation_id == "corr-1");
  CHECK(who_was_asked() == names{"1", "3"});
  CHECK(applied.size() == 2);
  CHECK(listings.back().correlation_id == "corr-7");
  CHECK(log.lines_with("Synced 2 active jobs").at(0).correlation_id
        == "corr-7");
  CHECK(poll({}) == 0);
  CHECK(poll({"gone"}) == 0);
  advance(120s);
  CHECK(asked.empty());
}

TEST_CASE_METHOD(poller_fixture, "a command keeps to the provider's bound",
                 "[job_poller][P3][P9]") {
  polling.enabled = false;
  settings.providers[0].max_in_flight = 2;
  held = {"replicate"};
  std::vector<std::string> ids;
  for (int i = 0; i < 9; ++i) {
    ids.push_back(std::to_string(i));
    active.push_back(make_job(ids.back()));
  }
  start();
  auto answer
    = self->request(aut, std::chrono::minutes{1}, poll_jobs{{"c"}, ids});
  settle();
  CHECK(asked.size() == 2);
  release("replicate");
  answer.receive([](const jobs_polled& x) { CHECK(x.synced == 9); },
                 [](const caf::error& err) { FAIL(render(err)); });
}

TEST_CASE_METHOD(poller_fixture, "a command joins who asks already",
                 "[job_poller][P12]") {
  held = {"replicate"};
  active = {make_job("1"), make_job("2")};
  start();
  CHECK(asked.size() == 2);
  const auto later = std::chrono::minutes{1};
  auto first = self->request(aut, later, poll_jobs{{"c1"}, {"1", "2"}});
  auto second = self->request(aut, later, poll_jobs{{"c2"}, {"2"}});
  settle();
  CHECK(asked.size() == 2); // Nobody twice at once.
  release("replicate");
  const auto fail = [](const caf::error& err) { FAIL(render(err)); };
  first.receive([](const jobs_polled& x) { CHECK(x.synced == 2); }, fail);
  second.receive([](const jobs_polled& x) { CHECK(x.synced == 1); }, fail);
  CHECK(poll({"2"}) == 1);
}

TEST_CASE_METHOD(poller_fixture, "a command is answered when time is up",
                 "[job_poller]") {
  polling.enabled = false;
  settings.providers[0].max_in_flight = 1;
  active = {make_job("1"), make_job("2"), make_job("3")};
  held = {"ext-2"};
  start();
  auto answer = self->request(aut, std::chrono::minutes{2},
                              poll_jobs{{"c"}, {"1", "2", "3"}});
  advance(39s);
  CHECK(self->mailbox().empty());
  advance(1500ms);
  answer.receive([](const jobs_polled& x) { CHECK(x.synced == 1); },
                 [](const caf::error& err) { FAIL(render(err)); });
  // The call has timed out as well, and the last job was asked after all.
  CHECK(who_was_asked() == names{"1", "2", "3"});
  held.clear();
  CHECK(poll({"1", "2", "3"}) == 3);
}

TEST_CASE_METHOD(poller_fixture, "what a command cannot have is an error",
                 "[job_poller]") {
  start();
  const auto refused = [this](size_t count) {
    poll_jobs x{{"c"}, {}};
    for (size_t i = 0; i < count; ++i)
      x.job_ids.push_back(std::to_string(i));
    return code_of(ask_error<jobs_polled>(aut, x));
  };
  CHECK(refused(501) == ec::validation_error);
  CHECK(poll(std::vector<std::string>(500, "x")) == 0);
  store_fails = true;
  CHECK(refused(1) == ec::database_error);
  store_fails = false;
  store_is_slow = true;
  for (int i = 0; i < 100; ++i)
    caf::anon_send(aut, poll_jobs{{"c"}, {"1"}});
  CHECK(refused(1) == ec::overloaded);
  caf::anon_send_exit(aut, caf::exit_reason::kill);
  settle();
}

TEST_CASE_METHOD(poller_fixture, "a stop answers whoever waits",
                 "[job_poller][L6]") {
  add_settings_store();
  settings_are_slow = true;
  held = {"replicate"};
  active = {make_job("1")};
  start();
  const auto later = std::chrono::minutes{1};
  auto a = self->request(aut, later, get_polling_status{{"c1"}});
  auto b = self->request(aut, later, refresh_polling{{"c2"}});
  auto c = self->request(aut, later, poll_jobs{{"c3"}, {"1"}});
  settle();
  CHECK(asked.size() == 1);
  caf::anon_send_exit(aut, caf::exit_reason::user_shutdown);
  settle();
  const auto gone = [](const caf::error& err) {
    CHECK(code_of(err) == ec::worker_restarting);
  };
  a.receive([](const polling_status&) { FAIL("answered"); }, gone);
  b.receive([](const polling_status&) { FAIL("answered"); }, gone);
  c.receive([](const jobs_polled&) { FAIL("answered"); }, gone);
}

TEST_CASE_METHOD(poller_fixture, "an unknown status warns in a command, too",
                 "[job_poller][P7]") {
  test::log_capture log;
  polling.enabled = false;
  active = {make_job("1")};
  seen = says("levitating", caf::none);
  start();
  poll({"1"});
  poll({"1"});
  CHECK(log.lines_with("Unknown status 'levitating' for job 1").size() == 1);
}

TEST_CASE_METHOD(poller_fixture, "the poller counts what it does",
                 "[job_poller][L5]") {
  active = {make_job("1"), make_job("2")};
  start();
  const auto& counts = *settings.counts;
  CHECK(counts.poll_cycles.value() == 1);
  CHECK(counts.polls.value() == 2);
  failure = make_error(ec::provider_timeout, "slow");
  advance(30s);
  CHECK(counts.poll_cycles.value() == 2);
  CHECK(counts.poll_failures.value() == 2);
  CHECK(counts.poll_lag_ms.value() == 0);
  sched.advance_time(34s); // The process was held up.
  settle();
  CHECK(counts.poll_lag_ms.value() == 4'000);
  poll({"1"});
  CHECK(counts.poll_cycles.value() == 3);
  CHECK(counts.polls.value() == 7);
}

TEST_CASE_METHOD(poller_fixture, "a command counts each of its jobs once",
                 "[job_poller]") {
  polling.interval = 5s;
  settings.providers[0].max_in_flight = 2;
  held = {"replicate"};
  active = {make_job("1"), make_job("3"), make_job("2")};
  start();
  auto answer
    = self->request(aut, std::chrono::minutes{1}, poll_jobs{{"c"}, {"1", "2"}});
  settle();
  held.insert("ext-2");
  release("replicate");
  advance(11s);
  CHECK(who_was_asked() == names{"1", "1", "1", "2", "3", "3", "3"});
  CHECK(!self->has_next_message()); // One of the two is still under way.
  release("ext-2");
  answer.receive([](const jobs_polled& x) { CHECK(x.synced == 2); },
                 [](const caf::error& err) { FAIL(render(err)); });
}
