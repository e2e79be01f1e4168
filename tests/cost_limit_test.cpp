#include "actors/store/cost_limit.hpp"

#include "tests/store_fixture.hpp"

#include <random>

// What a provider may cost: the decision, and the sums it is made of.

using namespace tunerd;
using namespace tunerd::sql;
using namespace std::chrono_literals;

namespace {

constexpr int64_t usd = 1'000'000;

cost_limit limit_of(int64_t amount, bool blocks = true) {
  return {"replicate", true, amount, "daily", blocks};
}

class cost_fixture : public test::store_fixture {
protected:
  void set(const std::string& key, const std::string& value) {
    db->connect(connection::mode::read_write)
      ->execute("INSERT INTO settings (key, value) VALUES (?1, ?2) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                "provider.replicate.cost_limit_" + key, value);
  }

  void set_limit(const std::string& amount, const std::string& action) {
    set("enabled", "true");
    set("amount", amount);
    set("period", R"("daily")");
    set("action", action);
  }

  submit_job costing(const std::string& id, int64_t estimate) const {
    auto x = submission(id);
    x.subject.estimated_cost_micros = estimate;
    return x;
  }

  /// Runs a job to its end.
  void complete(const std::string& id, caf::optional<int64_t> cost,
                caf::timespan span = 60s) {
    const auto attempt = claim({id}).claimed.at(0).attempt_id;
    record(outcome(id, attempt, submission_result::accepted, "e-" + id));
    auto x = seen(id, job_status::running);
    x.seen.started_at = now();
    apply(x);
    advance(span, span);
    x.seen.status = job_status::completed;
    x.seen.cost_micros = cost;
    apply(x);
  }

  cost_limit_status status(const std::string& provider = "replicate") {
    return ask<cost_limit_status>(aut, get_cost_limit{{"c"}, provider});
  }
};

} // namespace

TEST_CASE("settings of a cost limit fail closed", "[cost_limit]") {
  const auto parse = [](std::map<std::string, std::string> settings) {
    return parse_cost_limit("p", settings);
  };
  CHECK(!parse({}).is_enabled);
  CHECK(!parse({{"enabled", "false"}, {"amount", "5"}}).is_enabled);
  CHECK(!parse({{"enabled", "null"}}).is_enabled);
  const auto plain = parse({{"enabled", "true"}, {"amount", "12.5"}});
  CHECK(plain.is_enabled);
  CHECK(plain.amount_micros == 12'500'000);
  CHECK(plain.period == "monthly");
  CHECK(!plain.blocks);
  CHECK(parse({{"action", R"("block")"}}).blocks);
  CHECK(!parse({{"action", R"("warn")"}}).blocks);
  CHECK(parse({{"action", "warn"}}).blocks); // no JSON
  CHECK(parse({{"enabled", "maybe"}}).is_enabled);
  for (const auto* amount : {"-1", R"("5")", "[]", "", "1e999"})
    CHECK(parse({{"amount", amount}}).amount_micros == 0);
  CHECK(parse({{"period", R"("fortnightly")"}}).period == "yearly");
  CHECK(span_of(parse({{"period", R"("daily")"}})) == 24h);
  CHECK(span_of(parse({{"period", R"("weekly")"}})) == 7 * 24h);
  CHECK(span_of(parse({{"period", R"("monthly")"}})) == 30 * 24h);
  CHECK(span_of(parse({{"period", R"("yearly")"}})) == 365 * 24h);
}

TEST_CASE("what is spent never passes a limit that blocks", "[cost_limit]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 engine{seed};
  for (int i = 0; i < 20'000; ++i) {
    const auto limit = limit_of(static_cast<int64_t>(engine() % 100));
    int64_t spent = 0;
    for (int j = 0; j < 10; ++j)
      if (const auto wanted = static_cast<int64_t>(engine() % 40);
          leaves_room(limit, spent, wanted))
        spent += wanted;
    if (spent > limit.amount_micros)
      FAIL(spent << " of " << limit.amount_micros);
    const auto status = status_of(limit, spent);
    if (status.is_exceeded != (spent >= limit.amount_micros)
        || status.is_warning != (spent * 10 >= limit.amount_micros * 8)
        || status.message.empty() == status.is_warning)
      FAIL("status of " << spent << " of " << limit.amount_micros);
  }
  CHECK(!leaves_room(limit_of(0), 0, 0));
  CHECK(!leaves_room(limit_of(5), 5, 0));
  CHECK(!leaves_room(limit_of(5), 1, std::numeric_limits<int64_t>::max()));
  CHECK(leaves_room({}, 5, 5));
}

TEST_CASE("what a run costs", "[cost_limit][W5]") {
  CHECK(cost_of(1'525'000, 30min) == 2'745'000);
  CHECK(cost_of(0, 30min) == 0);
  CHECK(cost_of(-1, 30min) == 0);
  CHECK(cost_of(1'525'000, -1s) == 0);
  CHECK(cost_of(1, 1ns) == 1); // rounded up
  CHECK(cost_of(std::numeric_limits<int64_t>::max(), 24h * 365)
        == 1'000'000'000'000'000);
}

TEST_CASE_METHOD(cost_fixture, "a job that does not fit is not accepted",
                 "[store][cost_limit]") {
  set_limit("10", R"("block")");
  ask<job_submitted>(aut, costing("j1", 6 * usd));
  const auto err = ask_error<job_submitted>(aut, costing("j2", 5 * usd));
  CHECK(code_of(err) == ec::cost_limit_exceeded);
  CHECK(render(err).find("cost_limit_exceeded: Cost limit of $10.00 (daily) "
                         "for replicate")
        == 0);
  CHECK(refused<job_found>(get_job{{"c"}, {}, "j2"}) == ec::job_not_found);
  const auto near = ask<job_submitted>(aut, costing("j3", 3 * usd));
  CHECK(near.cost_limit_warning
        == "Cost limit of $10.00 (daily) for replicate is used to 90 %: $9.00 "
           "spent or reserved");
  end("j1"); // it never ran: its room is free again
  CHECK(
    ask<job_submitted>(aut, costing("j4", 4 * usd)).cost_limit_warning.empty());
}

TEST_CASE_METHOD(cost_fixture, "submissions of one batch share the room",
                 "[store][cost_limit]") {
  set_limit("10", R"("block")");
  auto first = self->request(aut, 1min, costing("j1", 6 * usd));
  auto second = self->request(aut, 1min, costing("j2", 6 * usd));
  settle();
  int accepted = 0;
  const auto count = [&](const job_submitted&) { ++accepted; };
  const auto refuse = [](const caf::error& err) {
    CHECK(code_of(err) == ec::cost_limit_exceeded);
  };
  first.receive(count, refuse);
  second.receive(count, refuse);
  CHECK(accepted == 1);
}

TEST_CASE_METHOD(cost_fixture, "a limit that warns accepts",
                 "[store][cost_limit]") {
  set_limit("10", R"("warn")");
  const auto answer = ask<job_submitted>(aut, costing("j1", 11 * usd));
  CHECK(answer.cost_limit_warning.find("Cost limit of $10.00") == 0);
  CHECK(status().is_exceeded);
  CHECK(status().spent_micros == 11 * usd);
  CHECK(status().message.find("is reached") != std::string::npos);
  CHECK(!status("other").enabled);
}

TEST_CASE_METHOD(cost_fixture, "costs count for as long as the period",
                 "[store][cost_limit]") {
  set_limit("10", R"("block")");
  ask<job_submitted>(aut, costing("j1", 6 * usd));
  CHECK(status().spent_micros == 6 * usd); // reserved
  complete("j1", 2 * usd);
  CHECK(status().spent_micros == 2 * usd); // known
  ask<job_submitted>(aut, costing("j2", 5 * usd));
  complete("j2", caf::none);
  CHECK(status().spent_micros == 7 * usd); // it ran, nobody knows what for
  ask<job_found>(aut, delete_job{{"c"}, {}, "j1"});
  ask<job_found>(aut, delete_job{{"c"}, {}, "j2"});
  CHECK(status().spent_micros == 7 * usd); // deleting makes no room
  advance(24h * 2, 24h);
  CHECK(status().spent_micros == 0);
  CHECK(!status().is_warning);
}

TEST_CASE_METHOD(cost_fixture, "what a job does not say is estimated",
                 "[store][cost_limit]") {
  set_limit("100", R"("warn")");
  auto x = submission("j1");
  x.subject.hardware_profile = "h100";
  x.rate_nanos_per_second = 1'000'000'000; // 1 USD/s
  x.longest_run = 50s;
  CHECK(!ask<job_submitted>(aut, x).subject.estimated_cost_micros);
  CHECK(status().spent_micros == 50 * usd); // the longest run
  complete("j1", usd, 10s);
  CHECK(status().spent_micros == usd);
  x.subject.id = "j2";
  CHECK(ask<job_submitted>(aut, x).subject.estimated_cost_micros
        == int64_t{10 * usd});
  CHECK(get("j2").estimated_cost_micros == int64_t{10 * usd});
  CHECK(status().spent_micros == 11 * usd);
  x.subject.id = "j3";
  x.subject.hardware_profile = "l40s"; // nothing of it ever ran
  CHECK(!ask<job_submitted>(aut, x).subject.estimated_cost_micros);
  x.subject.id = "j4";
  x.subject.estimated_cost_micros = 3;
  CHECK(ask<job_submitted>(aut, x).subject.estimated_cost_micros == int64_t{3});
  x.subject.id = "j5";
  x.subject.estimated_cost_micros = caf::none;
  x.rate_nanos_per_second = 0; // nobody knows what it costs
  CHECK(!ask<job_submitted>(aut, x).subject.estimated_cost_micros);
}

TEST_CASE_METHOD(cost_fixture, "the estimate follows the requested runtime",
                 "[store][cost_limit]") {
  auto x = submission("j1");
  x.subject.hardware_profile = "h100";
  x.rate_nanos_per_second = 1'000'000'000; // 1 USD/s
  x.longest_run = 1h;
  ask<job_submitted>(aut, x);
  complete("j1", usd, 10s);
  x.subject.id = "j2";
  x.input.max_runtime = 2min; // says more than how long others took
  CHECK(ask<job_submitted>(aut, x).subject.estimated_cost_micros
        == int64_t{120 * usd});
  const auto claimed = claim({"j2"}).claimed;
  REQUIRE(claimed.size() == 1);
  CHECK(claimed[0].input.max_runtime == 2min);
  x.subject.id = "j3";
  for (const caf::timespan span : {-1min, 7 * 24h + 1min}) {
    x.input.max_runtime = span;
    CHECK(refused<job_submitted>(x) == ec::validation_error);
  }
}

TEST_CASE_METHOD(cost_fixture, "a dear runtime needs approval",
                 "[store][cost_limit][A1]") {
  db->connect(connection::mode::read_write)
    ->execute("INSERT INTO approval_rules (name, description, condition, "
              "threshold, is_active, priority, applies_to_provider, "
              "applies_to_level, exempt_levels, required_approver_level, "
              "deadline_seconds, created_at, created_by) VALUES ('dear', '', "
              "'cost_exceeds', '100', 1, 0, '', '', '[]', 'lead', 0, 1, '')");
  auto x = submission("j1");
  x.rate_nanos_per_second = 1'000'000'000; // 1 USD/s
  x.input.max_runtime = 1min;
  CHECK(ask<job_submitted>(aut, x).subject.queue == queue_status::pending);
  x.subject.id = "j2";
  x.input.max_runtime = 2min;
  CHECK(ask<job_submitted>(aut, x).subject.queue == queue_status::blocked);
}

TEST_CASE_METHOD(cost_fixture, "the sums read no table",
                 "[store][cost_limit][sqlite]") {
  submit("seed");
  clone_job("seed", 1'000);
  const auto raw = db->connect(connection::mode::read_only);
  auto plan = raw->query(
    "EXPLAIN QUERY PLAN SELECT CAST(total(reserved_micros) AS INTEGER) FROM "
    "jobs WHERE provider = ?1 AND status IN "
    "('pending', 'uploading', 'queued', 'running')");
  REQUIRE(plan.step());
  CHECK(plan.get<std::string>(3).find("COVERING INDEX jobs_active_by_provider")
        != std::string::npos);
  auto ended = raw->query(
    "EXPLAIN QUERY PLAN SELECT CAST(total(coalesce(cost_micros, CASE WHEN "
    "started_at IS NULL THEN 0 ELSE reserved_micros END)) AS INTEGER) FROM "
    "jobs WHERE provider = ?1 AND completed_at > ?2");
  REQUIRE(ended.step());
  CHECK(ended.get<std::string>(3).find("COVERING INDEX jobs_by_provider_end")
        != std::string::npos);
}
