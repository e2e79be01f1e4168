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

  void start() {
    settings.polling = polling;
    aut = spawn(job_poller, settings, store, settings_store_actor{}, gateway);
    settle();
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
  provider_gateway_actor gateway;
  job_poller_actor aut;

  // Knobs of the two.
  std::vector<job> active;
  bool store_fails = false;
  bool store_is_slow = false;
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
