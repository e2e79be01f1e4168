#include "actors/approval_expirer/approval_expirer.hpp"

#include "tests/deterministic.hpp"
#include "tests/log_capture.hpp"

#include <algorithm>
#include <random>

using namespace tunerd;
using namespace std::literals;

namespace {

/// A request as the store of this test has it.
struct request {
  timestamp deadline;
  bool warned = false;
};

struct expirer_fixture : test::deterministic {
  expirer_fixture() {
    settings.out = {.now = [this] { return now(); }, .random = rng};
    store = spawn(
      [this](approval_store_actor::pointer me) { return store_behavior(me); });
  }

  approval_store_actor::behavior_type
  store_behavior(approval_store_actor::pointer me) {
    const auto refuse = [] { return make_error(ec::conflict, "not used"); };
    using rule = caf::result<rule_found>;
    return {
      [=](const create_rule&) -> rule { return refuse(); },
      [=](const change_rule&) -> rule { return refuse(); },
      [=](const delete_rule&) -> rule { return refuse(); },
      [=](const get_rule&) -> rule { return refuse(); },
      [=](const list_rules&) -> caf::result<rule_list> { return refuse(); },
      [this](const decide_approval& x) { // Here: lets held sweeps answer.
        for (auto& [command, promise] : std::exchange(promises, {}))
          promise.deliver(sweep(command));
        return approval_decided{x.ctx, {}};
      },
      [=](const extend_approval&) -> caf::result<approval_found> {
        return refuse();
      },
      [=](const get_approval&) -> caf::result<approval_found> {
        return refuse();
      },
      [=](const list_approvals&) -> caf::result<approval_list> {
        return refuse();
      },
      [this, me](const sweep_approvals& x) -> caf::result<approvals_swept> {
        sweeps.push_back(x);
        times.push_back(now());
        if (store_fails)
          return make_error(ec::database_error, "disk full");
        if (!store_is_slow)
          return sweep(x);
        promises.emplace_back(x, me->make_response_promise<approvals_swept>());
        return promises.back().second;
      },
    };
  }

  /// What a store does, in one transaction.
  approvals_swept sweep(const sweep_approvals& x) {
    approvals_swept result{x.ctx};
    const auto next = [&](timestamp at) {
      const auto wait = std::max(caf::timespan{at - now()}, caf::timespan{0});
      result.next_due = std::min(result.next_due.value_or(wait), wait);
    };
    std::vector<request> kept;
    for (auto& r : pending) {
      if (r.deadline <= now() && result.expired < batch_max) {
        ++result.expired;
        expired_at.push_back(now());
        result.worst_lateness
          = std::max<caf::timespan>(result.worst_lateness, now() - r.deadline);
        continue;
      }
      if (!r.warned && r.deadline - x.warn_before <= now())
        r.warned = ++result.warned > 0;
      result.more = result.more || r.deadline <= now();
      next(r.warned ? r.deadline : r.deadline - x.warn_before);
      kept.push_back(r);
    }
    pending = std::move(kept);
    return result;
  }

  void release() {
    store_is_slow = false;
    // A promise may only be kept by its actor.
    caf::anon_send(store, decide_approval{});
    settle();
  }

  void start() {
    settings.approvals = section;
    aut = spawn(approval_expirer, settings, store);
    settle();
  }

  void end(caf::exit_reason why) {
    caf::anon_send_exit(aut, why);
    settle();
  }

  /// A new request, and the hint of its event unless it is lost.
  void add(caf::timespan lifetime, bool lost = false) {
    pending.push_back({now() + lifetime});
    if (!lost)
      hint();
  }

  void hint() {
    caf::anon_send(aut, events_appended{1, 1});
  }

  approvals_swept expire(const std::string& id = "corr-1") {
    return ask<approvals_swept>(aut, expire_approvals{{id}});
  }

  std::mt19937_64 rng{7};
  config::approvals section;
  approval_expirer_settings settings;
  approval_store_actor store;
  approval_expirer_actor aut;

  // Knobs of the store.
  std::vector<request> pending;
  int64_t batch_max = 500;
  bool store_fails = false;
  bool store_is_slow = false;

  // What it was told and did.
  std::vector<sweep_approvals> sweeps;
  std::vector<timestamp> times;
  std::vector<timestamp> expired_at;
  std::vector<
    std::pair<sweep_approvals, caf::typed_response_promise<approvals_swept>>>
    promises;
};

} // namespace

TEST_CASE("failures wait 1 s, doubled each time, 30 s at most",
          "[approval_expirer]") {
  CHECK(sweep_backoff(1) == 1s);
  CHECK(sweep_backoff(2) == 2s);
  CHECK(sweep_backoff(5) == 16s);
  CHECK(sweep_backoff(6) == 30s);
  CHECK(sweep_backoff(1'000'000'000) == 30s);
}

TEST_CASE("sweeps are frequent enough and never too frequent",
          "[approval_expirer]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 dice{seed};
  const auto some = [&dice](int64_t most) {
    return std::chrono::milliseconds{dice() % static_cast<uint64_t>(most)};
  };
  for (int run = 0; run < 300; ++run) {
    sweep_schedule::time_point now{some(1'000'000)};
    sweep_schedule schedule{now};
    REQUIRE(schedule.next() <= now);
    const caf::timespan interval = std::chrono::seconds{1 + dice() % 400};
    uint32_t failures = 0;
    for (int i = 0; i < 50; ++i) {
      const auto begun = now;
      schedule.begun(now, interval);
      now += some(3'000);
      const bool fails = dice() % 4 == 0;
      const bool hinted = dice() % 2 == 0;
      caf::optional<caf::timespan> due;
      if (dice() % 3 > 0)
        due = caf::timespan{some(20'000)} - 1s;
      if (hinted)
        schedule.hint();
      failures = fails ? failures + 1 : 0;
      if (fails)
        schedule.failed(now);
      else
        schedule.succeeded(now, due);
      const auto next = schedule.next();
      REQUIRE(next >= begun + deadlines_apart);
      if (fails) { // Not even a hint hurries it.
        REQUIRE(next == now + sweep_backoff(failures));
      } else {
        REQUIRE(next
                <= now + std::max<caf::timespan>(reread_max, sweeps_apart));
        REQUIRE(next <= std::max(now, begun + sweeps_apart) + interval);
        if (due)
          REQUIRE(next <= std::max(now + *due, begun + deadlines_apart));
        if (hinted)
          REQUIRE(next <= begun + sweeps_apart);
        if (!due || now + *due >= begun + sweeps_apart)
          REQUIRE(next >= begun + sweeps_apart);
      }
      now = std::max(now, next);
    }
  }
}

TEST_CASE_METHOD(expirer_fixture, "what passed while down is expired at once",
                 "[approval_expirer][A2]") {
  test::log_capture log;
  pending = {{now() - 3600s}, {now() - 1s}, {now() + 3600s}};
  start();
  CHECK(expired_at.size() == 2);
  CHECK(pending.size() == 1);
  CHECK(log.messages()
        == "INFO Approval expiration task started (interval=300s)\n"
           "INFO Approval expiration loop started (interval: 300s)\n"
           "INFO Expired 2 approval requests and rejected associated jobs\n");
  CHECK(log.lines().at(2).logger == "simpletuner.cloud.approvals");
  CHECK(log.lines().at(2).correlation_id == sweeps[0].ctx.correlation_id);
  CHECK(settings.counts->approval_lateness_ms.value() == 3'600'000);
}

TEST_CASE_METHOD(expirer_fixture, "a request expires at its deadline",
                 "[approval_expirer][A2][L5]") {
  start();
  advance(42'250ms, 50ms);
  add(3s);
  const auto deadline = pending[0].deadline;
  advance(2'900ms);
  CHECK(expired_at.empty());
  advance(1s);
  REQUIRE(expired_at.size() == 1);
  CHECK(expired_at[0] - deadline <= 100ms);
  CHECK(settings.counts->approvals_expired.value() == 1);
  CHECK(settings.counts->approval_lateness_ms.value() <= 100);
}

TEST_CASE_METHOD(expirer_fixture, "deadlines close together are all kept",
                 "[approval_expirer][A2]") {
  start();
  advance(42'250ms, 50ms);
  std::vector<timestamp> deadlines;
  for (int i = 0; i < 40; ++i) {
    add(3s + i * 20ms);
    deadlines.push_back(pending.back().deadline);
  }
  advance(5s, 1ms);
  REQUIRE(expired_at.size() == deadlines.size());
  for (size_t i = 0; i < deadlines.size(); ++i)
    CHECK(expired_at[i] - deadlines[i] <= 11ms);
}

TEST_CASE_METHOD(expirer_fixture, "a lost hint costs five seconds at most",
                 "[approval_expirer][A2]") {
  start();
  add(3s, true); // Nothing is pending that the expirer knows of.
  const auto first = pending[0].deadline;
  advance(10s);
  REQUIRE(expired_at.size() == 1);
  CHECK(expired_at[0] - first <= 5s);
  add(24h);
  advance(17s);
  add(7s, true);
  const auto second = pending[1].deadline;
  advance(12s);
  REQUIRE(expired_at.size() == 2);
  CHECK(expired_at[1] - second <= 100ms);
}

TEST_CASE_METHOD(expirer_fixture, "people are warned once, in time",
                 "[approval_expirer][L5]") {
  section.warn_before = 60s;
  start();
  add(100s);
  advance(39s);
  CHECK(!pending[0].warned);
  advance(1100ms);
  CHECK(pending[0].warned);
  CHECK(settings.counts->approvals_warned.value() == 1);
  advance(50s);
  CHECK(settings.counts->approvals_warned.value() == 1);
  CHECK(sweeps.back().warn_before == 60s);
}

TEST_CASE_METHOD(expirer_fixture, "a storm of hints causes ten sweeps a second",
                 "[approval_expirer]") {
  start();
  sweeps.clear();
  for (int i = 0; i < 1'000; ++i) {
    for (int n = 0; n < 5; ++n)
      hint();
    advance(10ms, 10ms);
  }
  CHECK(sweeps.size() >= 90);
  CHECK(sweeps.size() <= 101);
  sweeps.clear();
  store_is_slow = true;
  for (int i = 0; i < 100; ++i) {
    hint();
    advance(10ms, 10ms);
  }
  CHECK(sweeps.size() == 1); // One at a time.
  CHECK(sched.clock().schedule().size() < 200);
}

TEST_CASE_METHOD(expirer_fixture, "one sweep takes all that is due",
                 "[approval_expirer][A2]") {
  test::log_capture log;
  for (int i = 0; i < 10'000; ++i)
    pending.push_back({now() - 1s});
  start();
  CHECK(expired_at.size() == 10'000);
  CHECK(pending.empty());
  CHECK(sweeps.size() == 20);
  for (const auto& x : sweeps)
    CHECK(x.ctx.correlation_id == sweeps[0].ctx.correlation_id);
  CHECK(settings.counts->approval_sweeps.value() == 1);
  CHECK(settings.counts->approvals_expired.value() == 10'000);
  CHECK(log.lines_with("Expired 10000 approval requests").size() == 1);
  advance(300s, 1s);
  CHECK(expired_at.size() == 10'000);
}

TEST_CASE_METHOD(expirer_fixture, "a store that is never done ends no sweep",
                 "[approval_expirer]") {
  pending = {{now() - 1s, true}};
  batch_max = 0;
  start();
  CHECK(sweeps.size() == 1);
  advance(1s);
  CHECK(sweeps.size() == 11);
}

TEST_CASE_METHOD(expirer_fixture, "every sweep has an id of its own",
                 "[approval_expirer][L3]") {
  start();
  advance(11s);
  REQUIRE(sweeps.size() == 3);
  CHECK(sweeps[1].ctx.correlation_id.size() == 12);
  CHECK(sweeps[1].ctx.correlation_id != sweeps[2].ctx.correlation_id);
  expire("corr-7");
  CHECK(sweeps.back().ctx.correlation_id == "corr-7");
}

TEST_CASE_METHOD(expirer_fixture, "a command sweeps until nothing is due",
                 "[approval_expirer][A2]") {
  start();
  for (int i = 0; i < 1'200; ++i)
    pending.push_back({now() - 7s});
  pending.push_back({now() + 60s, true});
  const auto answer = expire("corr-7");
  CHECK(answer.ctx.correlation_id == "corr-7");
  CHECK(answer.expired == 1'200);
  CHECK(answer.worst_lateness == 7s);
  CHECK(!answer.more);
  CHECK(answer.next_due.value_or(0s) == 60s);
  CHECK(pending.size() == 1);
  CHECK(expire().expired == 0);
}

TEST_CASE_METHOD(expirer_fixture,
                 "commands during a sweep share the next one, each answered",
                 "[approval_expirer]") {
  store_is_slow = true;
  start();
  const auto patience = std::chrono::minutes{1};
  auto first = self->request(aut, patience, expire_approvals{{"c1"}});
  auto second = self->request(aut, patience, expire_approvals{{"c2"}});
  settle();
  CHECK(sweeps.size() == 1);
  pending = {{now() - 1s}, {now() - 1s}}; // The one under way took one more.
  batch_max = 1;
  release();
  REQUIRE(sweeps.size() == 3);
  CHECK(sweeps[1].ctx.correlation_id == sweeps[0].ctx.correlation_id);
  CHECK(sweeps[2].ctx.correlation_id == "c1");
  CHECK(pending.empty());
  // Both were swept before; theirs finds nothing, and says so.
  const auto fail = [](const caf::error& err) { FAIL(render(err)); };
  first.receive(
    [](const approvals_swept& x) {
      CHECK(x.ctx.correlation_id == "c1");
      CHECK(x.expired == 0);
    },
    fail);
  second.receive(
    [](const approvals_swept& x) { CHECK(x.ctx.correlation_id == "c2"); },
    fail);
}

TEST_CASE_METHOD(expirer_fixture, "a store that fails is asked with backoff",
                 "[approval_expirer]") {
  test::log_capture log;
  store_fails = true;
  pending = {{now() - 1s}};
  start();
  for (int i = 0; i < 620; ++i) {
    hint(); // Hurries nothing.
    advance(100ms);
  }
  // 0, 1, 3, 7, 15, 31, 61 s.
  CHECK(sweeps.size() == 7);
  const auto lines = log.lines_with("Error in approval expiration");
  REQUIRE(lines.size() == 7);
  CHECK(lines[0].level == "ERROR");
  CHECK(lines[0].message
        == "Error in approval expiration: database_error: disk full");
  CHECK(lines[1].correlation_id == sweeps[1].ctx.correlation_id);
  advance(1200s, 1s);
  CHECK(sweeps.size() == 47);
  store_fails = false;
  advance(30s);
  CHECK(expired_at.size() == 1);
  add(3s);
  advance(3100ms);
  CHECK(expired_at.size() == 2);
}

TEST_CASE_METHOD(expirer_fixture, "a command is told that the store fails",
                 "[approval_expirer]") {
  start();
  store_fails = true;
  const auto err
    = ask_error<approvals_swept>(aut, expire_approvals{{"corr-1"}});
  CHECK(code_of(err) == ec::database_error);
  store_fails = false;
  pending = {{now() - 1s}};
  CHECK(expire().expired == 1); // It need not wait for the backoff.
}

TEST_CASE_METHOD(expirer_fixture, "a batch that fails loses no earlier one",
                 "[approval_expirer][L5]") {
  test::log_capture log;
  start();
  batch_max = 1;
  pending = {{now() - 1s}, {now() - 1s}, {now() - 1s}};
  store_is_slow = true;
  caf::anon_send(aut, expire_approvals{{"corr-7"}});
  settle();
  store_fails = true;
  release();
  CHECK(expired_at.size() == 1);
  CHECK(settings.counts->approvals_expired.value() == 1);
  CHECK(log.lines_with("Expired 1 approval requests").at(0).correlation_id
        == "corr-7");
  store_fails = false;
  advance(1s);
  CHECK(expired_at.size() == 3);
}

TEST_CASE_METHOD(expirer_fixture, "a store that does not answer is left",
                 "[approval_expirer]") {
  store_is_slow = true;
  start();
  advance(10s);
  CHECK(sweeps.size() == 1);
  advance(1100ms);
  CHECK(sweeps.size() == 2);
  pending = {{now() - 1s}};
  release(); // The late answer of the first is nobody's.
  CHECK(expired_at.size() == 1);
  advance(5s);
  CHECK(sweeps.size() > 2);
}

TEST_CASE_METHOD(expirer_fixture,
                 "a restart sweeps anew; late answers are lost",
                 "[approval_expirer]") {
  store_is_slow = true;
  start();
  pending = {{now() + 3s, true}};
  end(caf::exit_reason::kill);
  store_is_slow = false;
  start();
  CHECK(sweeps.size() == 2);
  release();
  advance(3100ms);
  CHECK(expired_at.size() == 1);
}

TEST_CASE_METHOD(expirer_fixture, "a stop in the middle leaves nobody waiting",
                 "[approval_expirer][L6]") {
  test::log_capture log;
  store_is_slow = true;
  start();
  const auto patience = std::chrono::minutes{1};
  auto running = self->request(aut, patience, expire_approvals{{"c1"}});
  settle();
  release();
  store_is_slow = true;
  auto second = self->request(aut, patience, expire_approvals{{"c2"}});
  auto third = self->request(aut, patience, expire_approvals{{"c3"}});
  settle();
  end(caf::exit_reason::user_shutdown);
  CHECK(log.contains("INFO", "Approval expiration loop stopped"));
  running.receive([](const approvals_swept&) {},
                  [](const caf::error& err) { FAIL(render(err)); });
  const auto gone = [](const caf::error& err) {
    CHECK(code_of(err) == ec::worker_restarting);
  };
  second.receive([](const approvals_swept&) { FAIL("answered"); }, gone);
  third.receive([](const approvals_swept&) { FAIL("answered"); }, gone);
  sweeps.clear();
  release();
  advance(600s, 1s);
  CHECK(sweeps.empty());
}

TEST_CASE_METHOD(expirer_fixture, "too many callers are refused",
                 "[approval_expirer]") {
  store_is_slow = true;
  start();
  for (int i = 0; i < 100; ++i)
    caf::anon_send(aut, expire_approvals{{"corr-1"}});
  const auto err
    = ask_error<approvals_swept>(aut, expire_approvals{{"corr-2"}});
  CHECK(code_of(err) == ec::overloaded);
}

TEST_CASE_METHOD(expirer_fixture, "settings count from the next sweep on",
                 "[approval_expirer]") {
  start();
  advance(20s);
  sweeps.clear();
  section.interval = 1s;
  section.warn_before = 5s;
  settings.approvals.set(section);
  advance(15s);
  CHECK(sweeps.size() >= 10);
  CHECK(sweeps.back().warn_before == 5s);
}

TEST_CASE_METHOD(expirer_fixture, "a timer during a sweep begins no second one",
                 "[approval_expirer]") {
  start();
  store_is_slow = true;
  caf::anon_send(aut, expire_approvals{{"corr-1"}});
  advance(8s);
  CHECK(sweeps.size() == 2);
  release();
  advance(5s);
  CHECK(sweeps.size() > 2);
}
