#include "actors/store/commands.hpp"
#include "tests/store_fixture.hpp"

#include <random>

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

constexpr int rounds_max = 50;

int64_t count(sql::connection& db, const std::string& table) {
  auto row = db.query("SELECT count(*) FROM " + table);
  row.step();
  return row.get<int64_t>(0);
}

/// A store's tables without its actors.
struct tables {
  test::temporary_directory directory;
  sql::database file{test::new_place(directory.file("r.db"))};
  std::shared_ptr<sql::connection> db
    = file.connect(sql::connection::mode::read_write);
  timestamp now{std::chrono::hours{500'000}};

  /// @returns `id` as stored, that old; its attempt and request as said.
  void add(const std::string& id, job_status status, queue_status queue,
           caf::timespan age, bool open_attempt, bool open_request) {
    job x{.id = id};
    x.provider = "replicate";
    x.status = status;
    x.queue = queue;
    x.created_at = now - age - 1h;
    if (is_terminal(status))
      x.completed_at = now - age;
    sql::job_table{*db}.insert(x);
    db->execute("INSERT INTO job_inputs (job_id, version, body, fingerprint, "
                "webhook_url) VALUES (?1, '', '', '', '')",
                id);
    db->execute("INSERT INTO job_logs VALUES (?1, 'log')", id);
    db->execute("INSERT INTO attempts (job_id, number, provider, state, "
                "fingerprint, claimed_at, closed_at, correlation_id) "
                "VALUES (?1, 1, 'replicate', ?2, '', ?3, ?4, 'c')",
                id, std::string{open_attempt ? "in_doubt" : "released"},
                x.created_at,
                open_attempt ? caf::optional<timestamp>{}
                             : caf::optional<timestamp>{x.created_at + 1min});
    db->execute("INSERT INTO approvals (job_id, user_id, org_id, rule_id, "
                "status, reason, provider, config_name, hardware_type, "
                "required_level, created_at, correlation_id) VALUES (?1, '', "
                "'', 0, ?2, '', '', '', '', 'lead', 0, 'c')",
                id, std::string{open_request ? "pending" : "approved"});
  }

  void clean(const config::retention& kept) {
    db->begin_writing();
    sql::clean_up(*db, now, kept);
    db->execute("COMMIT");
  }

  std::set<std::string> ids() {
    std::set<std::string> result;
    auto rows = db->query("SELECT id FROM jobs");
    while (rows.step())
      result.insert(rows.get<std::string>(0));
    return result;
  }
};

} // namespace

TEST_CASE("retention removes what is due and nothing else", "[store][Q12]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 dice{seed};
  const auto roll = [&](int n) { return static_cast<int>(dice() % n); };
  tables stored;
  stored.db->begin_writing();
  std::set<std::string> kept;
  for (int i = 0; i < 1'500; ++i) {
    const auto id = "j" + std::to_string(i);
    const auto status = static_cast<job_status>(roll(7));
    const auto over = is_terminal(status);
    const auto open_attempt = roll(5) == 0;
    const auto open_request = roll(9) == 0;
    // Not only what the rules allow: each reason to stay counts by itself.
    const auto queue
      = over && roll(5) > 0 ? sql::closed_as(status) : queue_status::ready;
    // Around the border of 30 days, sometimes exactly on it.
    const auto age = caf::timespan{24h * 30} + (roll(61) - 30) * 1h;
    stored.add(id, status, queue, age, open_attempt, open_request);
    if (queue == queue_status::ready || open_attempt || open_request
        || age <= 24h * 30)
      kept.insert(id);
  }
  stored.db->execute("COMMIT");
  auto left = stored.ids().size();
  for (int i = 0; i < rounds_max && left > kept.size(); ++i) {
    stored.clean({.job_days = 30, .audit_days = 0});
    const auto now_left = stored.ids().size();
    CHECK(left - now_left <= 200); // bounded
    left = now_left;
  }
  CHECK(stored.ids() == kept);
  const auto size = static_cast<int64_t>(kept.size());
  for (const auto* table : {"job_inputs", "job_logs", "approvals", "attempts"})
    CHECK(count(*stored.db, table) == size);
  stored.clean({.job_days = 30, .audit_days = 0});
  CHECK(stored.ids() == kept);
}

TEST_CASE("retention can be switched off", "[store][Q12]") {
  tables stored;
  stored.add("j1", job_status::failed, queue_status::failed, 24h * 4'000, false,
             false);
  stored.db->execute(
    "INSERT INTO audit (time, user_id, token, action, "
    "subject, org_id, details, correlation_id) VALUES (0, '', '', 'x', '', '', "
    "'', 'c')");
  stored.clean({.job_days = 0, .audit_days = 0});
  CHECK(stored.ids().size() == 1);
  CHECK(count(*stored.db, "audit") == 1);
  stored.clean({.job_days = 36'500, .audit_days = 36'500});
  CHECK(stored.ids().size() == 1);
}

TEST_CASE("the audit log is kept as long as is said", "[store]") {
  tables stored;
  for (const auto age : {24h * 10, 24h * 10 + 1h, 24h * 9})
    stored.db->execute(
      "INSERT INTO audit (time, user_id, token, action, "
      "subject, org_id, details, correlation_id) VALUES (?1, '', '', 'x', '', "
      "'', '', 'c')",
      stored.now - age);
  stored.clean({.job_days = 0, .audit_days = 10});
  CHECK(count(*stored.db, "audit") == 2);
}

TEST_CASE("attempts of deleted jobs are kept as long as jobs", "[store][Q2]") {
  tables stored;
  for (const auto age : {24h * 29, 24h * 31})
    stored.db->execute("INSERT INTO attempts (job_id, number, provider, state, "
                       "fingerprint, claimed_at, closed_at, external_id, "
                       "correlation_id) VALUES ('gone', 1, 'p', 'accepted', "
                       "'', ?1, ?1, ?2, 'c')",
                       stored.now - age, "e" + std::to_string(age.count()));
  stored.clean({.job_days = 30, .audit_days = 0});
  CHECK(count(*stored.db, "attempts") == 1);
}

TEST_CASE_METHOD(test::store_fixture, "the store retires what is over in time",
                 "[store][Q12]") {
  submit("over");
  end("over");
  at_provider("runs", "e1");
  const auto attempt = claimed("doubt");
  end("doubt");
  advance(24h * 91, 24h);
  submit("new"); // what is old goes with it
  CHECK(ask<job_list>(aut, list_jobs{{"c"}, {}}).total == 3);
  CHECK(refused<job_found>(get_job{{"c"}, {}, "over"}) == ec::job_not_found);
  CHECK(get("runs").status == job_status::queued);
  CHECK(get("doubt").queue == queue_status::ready);
  record(outcome("doubt", attempt, submission_result::not_accepted));
  advance(1min, 1min);
  submit("newer");
  CHECK(refused<job_found>(get_job{{"c"}, {}, "doubt"}) == ec::job_not_found);
}
