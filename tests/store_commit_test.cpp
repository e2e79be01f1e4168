#include "actors/store/queries.hpp"
#include "actors/store/schema.hpp"
#include "actors/store/sqlite.hpp"
#include "tests/log_capture.hpp"
#include "tests/store_fixture.hpp"

#include <fstream>
#include <sys/stat.h>

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

unsigned mode_of(const std::string& path) {
  struct stat found = {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 0777;
}

/// Jobs of certain names meet a broken database.
class store_fixture : public test::store_fixture {
protected:
  void plant_faults() {
    raw()->run_script(R"sql(
      CREATE TABLE nobody (id INTEGER PRIMARY KEY);
      CREATE TABLE debts (id REFERENCES nobody DEFERRABLE INITIALLY DEFERRED);
      CREATE TRIGGER at_commit AFTER INSERT ON jobs WHEN NEW.id = 'at_commit'
        BEGIN INSERT INTO debts VALUES (1); END;
      CREATE TRIGGER alone BEFORE INSERT ON job_inputs
        WHEN NEW.job_id = 'alone'
        BEGIN SELECT RAISE(ABORT, 'disk trouble'); END;
      CREATE TRIGGER all_of_it BEFORE INSERT ON jobs WHEN NEW.id = 'all_of_it'
        BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END;
    )sql");
  }

  std::shared_ptr<sql::connection> raw() {
    return db->connect(sql::connection::mode::read_write);
  }

  /// Submits all at once. @returns each answer: "" or the name of the error.
  std::vector<std::string> submit_all(const std::vector<std::string>& ids) {
    std::vector<std::string> result;
    using handle = decltype(self->request(aut, 1min, submission("")));
    std::vector<handle> pending;
    for (const auto& id : ids)
      pending.push_back(self->request(aut, 1min, submission(id)));
    settle();
    for (auto& answer : pending)
      answer.receive([&](const job_submitted&) { result.emplace_back(); },
                     [&](const caf::error& err) {
                       result.push_back(to_string(code_of(err)));
                     });
    return result;
  }

  /// Lets `hdl` handle its next message, and nobody else.
  template <class Handle>
  void step(const Handle& hdl) {
    sched.prioritize(hdl);
    REQUIRE(sched.try_run_once());
  }

  int64_t count_jobs() {
    return ask<job_list>(aut, list_jobs{{"c"}, {}}).total;
  }

  std::string message_of_open() {
    try {
      sql::database second{path};
      return "";
    } catch (const std::runtime_error& e) {
      return e.what();
    }
  }
};

constexpr const char* failed = "database_error";

} // namespace

// -- group commit -------------------------------------------------------------

TEST_CASE_METHOD(store_fixture, "commands that wait together commit together",
                 "[store][commit]") {
  CHECK(submit_all({"a", "b", "c"}) == std::vector<std::string>(3));
  REQUIRE(hints.size() == 1); // one hint per commit
  CHECK(hints[0].first_id == 1);
  CHECK(hints[0].last_id == 3);
  CHECK(hints[0].job_ids == std::vector<std::string>{"a", "b", "c"});
  submit("d");
  REQUIRE(hints.size() == 2);
  CHECK(hints[1].first_id == 4);
}

TEST_CASE_METHOD(store_fixture, "a batch is at most 512 commands",
                 "[store][commit]") {
  std::vector<std::string> ids;
  for (int i = 0; i < 600; ++i)
    ids.push_back("j" + std::to_string(i));
  CHECK(submit_all(ids) == std::vector<std::string>(ids.size()));
  REQUIRE(hints.size() == 2);
  CHECK(hints[0].last_id == 512);
  CHECK(hints[1].last_id == 600);
}

TEST_CASE_METHOD(store_fixture, "a batch is open for at most 5 ms",
                 "[store][commit]") {
  settle();
  for (const auto* id : {"a", "b", "c"})
    self->send(aut, submission(id));
  step(aut); // opens the batch; its tick queues up behind c
  sched.clock().current_time += 6ms;
  settle();
  REQUIRE(hints.size() == 2);
  CHECK(hints[0].last_id == 2); // b came too late to wait for c
}

TEST_CASE("a slow disk gets larger batches", "[store][commit]") {
  CHECK(batch_time(0s) == 5ms);
  CHECK(batch_time(200us) == 5ms);
  CHECK(batch_time(4ms) == 16ms);
  CHECK(batch_time(1h) == 50ms);
}

TEST_CASE_METHOD(store_fixture, "nobody sees or hears of what is not committed",
                 "[store][commit]") {
  settle();
  auto command = self->request(aut, 1min, submission("a"));
  step(aut);
  auto query = self->request(reader, 1min, list_jobs{{"c"}, {}});
  step(reader);
  const auto fail = [](const caf::error& err) { FAIL(render(err)); };
  query.receive([](const job_list& x) { CHECK(x.total == 0); }, fail);
  CHECK(!self->has_next_message());
  CHECK(hints.empty());
  settle();
  command.receive([](const job_submitted&) {}, fail);
  CHECK(count_jobs() == 1);
}

TEST_CASE_METHOD(store_fixture,
                 "a failing command does not harm its neighbours",
                 "[store][commit][sqlite]") {
  plant_faults();
  submit("old");
  hints.clear();
  CHECK(submit_all({"a", "old", "b", "alone", "c"})
        == std::vector<std::string>{"", "conflict", "", failed, ""});
  CHECK(count_jobs() == 4);
  REQUIRE(hints.size() == 1);
  CHECK(hints[0].last_id - hints[0].first_id == 2); // no gap, nothing extra
}

TEST_CASE_METHOD(store_fixture, "a failing COMMIT fails all and stops nothing",
                 "[store][commit][sqlite]") {
  test::log_capture log;
  plant_faults();
  submit("old");
  hints.clear();
  self->request(aut, 1min, end_job{{"c"}, "old"});
  CHECK(submit_all({"a", "at_commit", "old", "b"})
        == std::vector<std::string>{failed, failed, failed, failed});
  CHECK(hints.empty());
  CHECK(count_jobs() == 1);
  CHECK(get("old").status == job_status::pending);
  CHECK(!log.contains("Job old is cancelled"));
  CHECK(log.contains("ERROR", "COMMIT failed, 5 commands had no effect"));
  CHECK(submit_all({"a", "b"}) == std::vector<std::string>(2));
  CHECK(hints.at(0).first_id == 2); // the lost ids are used again
}

TEST_CASE_METHOD(store_fixture, "a transaction that ends by itself fails whole",
                 "[store][commit][sqlite]") {
  plant_faults();
  const auto answers = submit_all({"a", "all_of_it", "b"});
  CHECK(answers == std::vector<std::string>{failed, failed, ""});
  CHECK(count_jobs() == 1);
  CHECK(get("b").row == 1);
}

TEST_CASE_METHOD(store_fixture, "a stop finishes and answers what was begun",
                 "[store][commit]") {
  settle();
  auto pending = self->request(aut, 1min, submission("a"));
  step(aut);
  self->send_exit(aut, caf::exit_reason::user_shutdown);
  settle();
  pending.receive([](const job_submitted& x) { CHECK(x.event_id == 1); },
                  [](const caf::error& err) { FAIL(render(err)); });
  stop();
  start();
  CHECK(count_jobs() == 1);
}

TEST_CASE_METHOD(store_fixture, "what was acknowledged survives a crash",
                 "[store][commit][Q3][sqlite]") {
  const auto attempt = claimed("j1");
  at_provider("j2", "e2");
  const auto before = events();
  self->request(aut, 1min, submission("lost"));
  step(aut); // done, but not committed
  const auto crashed = directory.file("crashed.db");
  for (const auto* suffix : {"", "-wal"}) // as kill -9 leaves them
    std::filesystem::copy_file(path + suffix, crashed + suffix);
  stop();
  path = crashed;
  start();
  CHECK(get("j2").external_id == "e2");
  CHECK(load().attempts.at(0).id == attempt);
  CHECK(events().head == before.head);
  submit("j3");
  CHECK(events().head == before.head + 1);
}

// -- opening ------------------------------------------------------------------

TEST_CASE_METHOD(store_fixture, "the files belong to their owner alone",
                 "[store][database][sqlite]") {
  submit("j1");
  CHECK(mode_of(directory.file("state")) == 0700u);
  for (const auto* suffix : {"", "-wal", "-shm", ".lock"})
    CHECK(mode_of(path + suffix) == 0600u);
}

TEST_CASE_METHOD(store_fixture, "a second daemon on the file is refused",
                 "[store][database][sqlite]") {
  CHECK(message_of_open().find("another tunerd is using it")
        != std::string::npos);
  CHECK(message_of_open().find(path) != std::string::npos);
  stop();
  CHECK(message_of_open().empty());
}

TEST_CASE_METHOD(store_fixture, "a newer schema is refused and left alone",
                 "[store][database][sqlite]") {
  submit("j1");
  raw()->run_script("PRAGMA user_version = 1000");
  stop();
  CHECK(message_of_open().find("schema 1000 is newer") != std::string::npos);
  CHECK(message_of_open().find("schema 1000 is newer") != std::string::npos);
}

TEST_CASE_METHOD(store_fixture, "foreign files are refused and left alone",
                 "[store][database][sqlite]") {
  stop();
  path = directory.file("notes.txt");
  std::FILE* file = std::fopen(path.c_str(), "w");
  REQUIRE(file != nullptr);
  for (int i = 0; i < 1000; ++i)
    std::fputs("not a database\n", file);
  std::fclose(file);
  CHECK(message_of_open().find("not a database") != std::string::npos);
  path = directory.file("foreign.db");
  std::fclose(std::fopen(path.c_str(), "w"));
  {
    sql::connection foreign{
      sql::open_sqlite(path, sql::connection::mode::read_write)};
    foreign.run_script("CREATE TABLE jobs (id)");
  }
  CHECK(message_of_open().find("another program") != std::string::npos);
  path = "/proc/none/tunerd.db";
  CHECK(message_of_open().find("/proc/none") != std::string::npos);
}

TEST_CASE_METHOD(store_fixture, "a reader needs no writer",
                 "[store][database]") {
  submit("j1");
  stop();
  db = std::make_shared<sql::database>(path);
  auto only = db->connect(sql::connection::mode::read_only);
  auto row = only->query("SELECT count(*) FROM jobs");
  REQUIRE(row.step());
  CHECK(row.get<int64_t>(0) == 1);
}

TEST_CASE_METHOD(store_fixture, "a reader cannot write", "[store][database]") {
  auto only = db->connect(sql::connection::mode::read_only);
  CHECK_THROWS_AS(only->execute("DELETE FROM jobs"), sql::database_error);
}

TEST_CASE_METHOD(store_fixture, "an interrupt ends what is running",
                 "[store][database][sqlite]") {
  auto busy = db->connect(sql::connection::mode::read_only);
  auto endless = busy->query("WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL "
                             "SELECT i + 1 FROM n) SELECT i FROM n");
  REQUIRE(endless.step());
  db->interrupt();
  CHECK_THROWS_AS(endless.step(), sql::database_error);
}

TEST_CASE_METHOD(store_fixture, "a database of the second version goes on",
                 "[store][database][sqlite]") {
  stop();
  path = directory.file("old.db");
  std::ofstream{path}; // as an older daemon left it
  {
    sql::connection old{
      sql::open_sqlite(path, sql::connection::mode::read_write)};
    sql::migrate(old, 2);
    const auto add = [&old](const std::string& id, const std::string& queue,
                            const std::string& state, const char* closed) {
      old.run_script(
        "INSERT INTO jobs (id, job_type, provider, status, config_name, "
        "user_id, org_id, team_id, created_at, hardware_type, "
        "hardware_profile, error_message, output_url, metadata, "
        "correlation_id, queue, priority, queued_at, not_before, "
        "attempts_used, max_attempts, external_id) VALUES ('"
        + id
        + "', 'cloud', 'replicate', 'pending', '', '7', '', '', 1, '', '', "
          "'', '', '{}', 'c', '"
        + queue
        + "', 10, 1, 0, 0, 3, ''); INSERT INTO attempts (job_id, number, "
          "provider, state, fingerprint, claimed_at, closed_at, "
          "correlation_id) VALUES ('"
        + id + "', 1, 'replicate', '" + state + "', 'f', 1, " + closed
        + ", 'c')");
    };
    add("open", "ready", "in_doubt", "NULL");
    add("over", "pending", "released", "2");
    old.run_script("INSERT INTO webhook_deliveries (provider, delivery_id, "
                   "external_id, is_early, expires_at) VALUES ('replicate', "
                   "'d', 'e', 1, 9000000000000000000)");
  }
  start();
  const auto attempts = load().attempts;
  REQUIRE(attempts.size() == 1); // what is closed is not watched
  CHECK(attempts[0].job_id == "open");
  const auto answer
    = record(outcome("open", attempts[0].id, submission_result::accepted, "e"));
  CHECK(answer.poll_at_once);
}

TEST_CASE_METHOD(store_fixture, "hot paths read no jobs that are over",
                 "[store][database][Q7]") {
  constexpr int64_t over = 500;
  at_provider("j0", "e0");
  clone_job("j0", over);
  raw()->run_script("UPDATE jobs SET status = 'failed', queue = 'failed' "
                    "WHERE id <> 'j0';"
                    "INSERT INTO attempts (job_id, number, provider, state, "
                    "fingerprint, claimed_at, closed_at, correlation_id) "
                    "SELECT id, 1, provider, 'released', '', 0, 0, '' "
                    "FROM jobs");
  const auto db_connection = raw();
  sql::news told;
  const sql::view in{*db_connection, now(), limits};
  sql::transaction tx{*db_connection, now(), limits, told};
  look_up(in, load_queue{{"c"}});
  look_up(in, reload_queue{{"c"}, {"j0", "j1"}});
  look_up(in, list_active_jobs{{"c"}});
  look_up(in, list_queue{{"c"}, {}});
  look_up(in, get_job{{"c"}, {}, "j1"});
  run(tx, submission("new"));
  const auto attempt
    = run(tx, claim_jobs{{"c"}, {"new"}})->claimed.at(0).attempt_id;
  run(tx, outcome("new", attempt, submission_result::accepted, "e-new"));
  run(tx, seen("new", job_status::running));
  run(tx, seen("new", job_status::completed));
  run(tx, delete_job{{"c"}, {}, "new"});
  sql::clean_up(*db_connection, now(), {});
  CHECK(told.last_event - told.first_event == 5);
  CHECK(db_connection->rows_scanned() < over / 10);
}
