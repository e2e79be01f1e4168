#include "actors/store/cost_sums.hpp"
#include "actors/store/schema.hpp"
#include "actors/store/sqlite.hpp"
#include "messages/json.hpp"

#include "tests/store_fixture.hpp"

#include <fstream>
#include <random>

// What jobs cost by user, org and day, against a naive sum.

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

/// What a job costs, as a person would say it.
struct model_job {
  std::string user = {}, org = {};
  int64_t day = 0;
  int64_t estimate = 0;
  caf::optional<int64_t> cost = caf::none;
  /// It ended before it began.
  bool never_ran = false;

  int64_t counted() const {
    return cost ? *cost : never_ran ? 0 : estimate;
  }
};

class costs_fixture : public test::store_fixture {
protected:
  costs_fixture() {
    limit(1'000, 1'000);
  }

  int64_t today() {
    return now().time_since_epoch() / std::chrono::days{1};
  }

  cost_sums stats_for(const caller& who) {
    return ask<queue_stats>(aut, get_queue_stats{{"corr-q"}, who}).costs;
  }

  void add(const std::string& id, const model_job& x) {
    auto command = submission(id, x.user);
    command.subject.org_id = x.org;
    command.subject.estimated_cost_micros = x.estimate;
    ask<job_submitted>(aut, command);
  }

  void run(const std::string& id, caf::optional<int64_t> cost) {
    record(outcome(id, claim({id}).claimed.at(0).attempt_id,
                   submission_result::accepted, "e-" + id));
    auto end = seen(id, job_status::completed);
    end.seen.started_at = now();
    end.seen.cost_micros = cost;
    apply(end);
  }

  cost_sums naive(const std::map<std::string, model_job>& jobs,
                  const caller& who) {
    cost_sums result;
    for (const auto& [id, x] : jobs) {
      if (x.day < today() - 29 || x.counted() == 0
          || !may_see(who, x.user, x.org))
        continue;
      result.by_user[x.user] += x.counted();
      if (!x.org.empty())
        result.by_org[x.org] += x.counted();
      const timestamp day{std::chrono::days{x.day}};
      result.by_day[utc_text(day).substr(0, 10)] += x.counted();
    }
    return result;
  }

  void check(const cost_sums& found, const cost_sums& wanted) {
    REQUIRE(found.by_user == wanted.by_user);
    REQUIRE(found.by_org == wanted.by_org);
    REQUIRE(found.by_day == wanted.by_day);
  }
};

const std::vector<caller> readers{
  {},
  {"u1", "o1", "", caller_level::viewer},
  {"u2", "o1", "", caller_level::lead},
  {"u3", "", "", caller_level::lead},
};

} // namespace

TEST_CASE_METHOD(costs_fixture, "sums of costs equal the naive sum",
                 "[store][cost_sums]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 engine{seed};
  const auto below = [&engine](uint64_t n) { return engine() % n; };
  std::map<std::string, model_job> jobs;
  std::vector<std::string> waiting, over;
  const auto take = [&](std::vector<std::string>& ids) {
    const auto i = ids.begin() + static_cast<int64_t>(below(ids.size()));
    auto id = *i;
    ids.erase(i);
    return id;
  };
  for (int step = 0; step < 150; ++step) {
    const auto what = below(10);
    if (what < 4 || jobs.empty()) {
      const auto id = "j" + std::to_string(jobs.size());
      const auto org = below(3);
      jobs[id] = {.user = "u" + std::to_string(below(4)),
                  .org = org == 0 ? "" : "o" + std::to_string(org),
                  .day = today(),
                  .estimate = static_cast<int64_t>(below(3) * 1'000'000)};
      add(id, jobs[id]);
      waiting.push_back(id);
    } else if (what < 7 && !waiting.empty()) {
      const auto id = over.emplace_back(take(waiting));
      if (below(2) == 0)
        jobs[id].cost = static_cast<int64_t>(below(5'000'000));
      run(id, jobs[id].cost);
    } else if (what == 7 && !waiting.empty()) {
      const auto id = over.emplace_back(take(waiting));
      jobs[id].never_ran = true;
      end(id);
    } else if (what == 8 && !over.empty()) {
      ask<job_found>(aut, delete_job{{"c"}, {}, take(over)});
    } else if (below(4) == 0) {
      advance(24h * (1 + below(3)), 24h);
    }
    const auto& who = readers[below(readers.size())];
    advance(5s, 5s); // everybody's are kept that long
    check(stats_for(who), naive(jobs, who));
  }
  advance(5s, 5s);
  check(ask<store_metrics>(aut, get_store_metrics{{"c"}}).costs,
        naive(jobs, {}));
}

TEST_CASE_METHOD(costs_fixture, "everybody's costs are read every 5 s at most",
                 "[store][cost_sums]") {
  const caller own{"u", "", "", caller_level::viewer};
  add("j0", {.user = "u", .estimate = 3});
  CHECK(stats_for({}).by_user.at("u") == 3);
  add("j1", {.user = "u", .estimate = 4});
  CHECK(stats_for({}).by_user.at("u") == 3);
  CHECK(ask<store_metrics>(aut, get_store_metrics{{"c"}}).costs.by_user.at("u")
        == 3);
  CHECK(stats_for(own).by_user.at("u") == 7);
  advance(4s, 1s);
  CHECK(stats_for({}).by_user.at("u") == 3);
  advance(1s, 1s);
  CHECK(stats_for({}).by_user.at("u") == 7);
}

TEST_CASE_METHOD(costs_fixture, "the dearest hundred are named, and oneself",
                 "[store][cost_sums]") {
  auto raw = db->connect(sql::connection::mode::read_write);
  for (int64_t i = 1; i <= 150; ++i)
    raw->execute("INSERT INTO daily_costs VALUES (?1, ?2, ?3, ?4)", today(),
                 "u" + std::to_string(i), "o" + std::to_string(i), i);
  const auto all = stats_for({});
  CHECK(all.by_user.size() == cost_names_max);
  CHECK(all.by_org.size() == cost_names_max);
  CHECK(all.by_user.count("u51") == 1);
  CHECK(all.by_user.count("u50") == 0);
  CHECK(all.by_day.begin()->second == 150 * 151 / 2);
  const auto own = stats_for({"u1", "", "", caller_level::viewer});
  CHECK(own.by_user == std::map<std::string, int64_t>{{"u1", 1}});
  CHECK(own.by_day.begin()->second == 1);
}

TEST_CASE_METHOD(costs_fixture, "sums of costs read no job",
                 "[store][cost_sums]") {
  add("j0", {.user = "u", .org = "o", .estimate = 3});
  clone_job("j0", 5'000);
  auto raw = db->connect(sql::connection::mode::read_only);
  const auto sums = sql::sum_costs(*raw, {}, now());
  CHECK(sums.by_user.at("u") == 3 * 5'001);
  CHECK(raw->rows_scanned() < 10);
}

TEST_CASE_METHOD(costs_fixture, "absurd costs stop no job",
                 "[store][cost_sums]") {
  constexpr auto huge = std::numeric_limits<int64_t>::max();
  for (const auto* id : {"a", "b", "c"}) {
    add(id, {.user = "u", .estimate = 1});
    run(id, huge);
  }
  CHECK(stats_for({}).by_user.at("u") == 1'000'000'000'000'000'000);
}

TEST_CASE_METHOD(costs_fixture, "costs of an older database are known",
                 "[store][cost_sums][database][sqlite]") {
  stop();
  path = directory.file("old.db");
  std::ofstream{path}; // as an older daemon left it
  {
    sql::connection old{
      sql::open_sqlite(path, sql::connection::mode::read_write)};
    sql::migrate(old, 3);
    const auto add_old = [&](const std::string& id, const char* status,
                             const char* costs) {
      old.run_script(
        "INSERT INTO jobs (id, job_type, provider, status, config_name, "
        "user_id, org_id, team_id, created_at, hardware_type, "
        "hardware_profile, error_message, output_url, metadata, "
        "correlation_id, queue, priority, queued_at, not_before, "
        "attempts_used, max_attempts, external_id, estimated_cost_micros, "
        "cost_micros) VALUES ('"
        + id + "', 'cloud', 'replicate', '" + status + "', '', '7', '', '', "
        + std::to_string(now().time_since_epoch().count())
        + ", '', '', '', '', '{}', 'c', 'completed', 10, 1, 0, 0, 3, '', "
        + costs + ")");
    };
    add_old("waits", "pending", "5, NULL");
    add_old("over", "completed", "6, 70");
    add_old("stopped", "cancelled", "800, NULL");
  }
  start();
  CHECK(stats_for({}).by_user == std::map<std::string, int64_t>{{"7", 75}});
}
