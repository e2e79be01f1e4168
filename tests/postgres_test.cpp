#include "actors/store/lease_store.hpp"
#include "actors/store/lease_table.hpp"

#include "tests/log_capture.hpp"
#include "tests/store_fixture.hpp"

#include <csignal>
#include <thread>

// What only PostgreSQL does. Hidden: tests/postgres_server.sh runs them.

using namespace tunerd;
using namespace std::chrono_literals;
using mode = sql::connection::mode;

namespace {

constexpr const char* end_all_others
  = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";

struct server {
  std::string url = test::new_schema();

  sql::connection connect(mode how = mode::read_write) const {
    return sql::connection{sql::open_postgres({url}, how)};
  }

  /// @returns a name that no other test has.
  std::string role() const {
    return "r" + url.substr(url.rfind("%3D") + 3);
  }

  /// As a restart of the server does.
  void cut_all() const {
    connect().execute(end_all_others);
  }
};

/// @returns what kind of trouble `f` meets.
template <class F>
sql::failure trouble(F f) {
  try {
    f();
  } catch (const sql::database_error& e) {
    return e.kind();
  }
  FAIL("no trouble");
  return {};
}

std::string message_of_open(const std::string& url) {
  try {
    sql::database opened{url};
    return "";
  } catch (const std::runtime_error& e) {
    return e.what();
  }
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class postgres_fixture : public test::store_fixture {
protected:
  std::shared_ptr<sql::connection> raw() {
    return db->connect(mode::read_write);
  }

  void cut_all() {
    raw()->execute(end_all_others);
  }
};

} // namespace

// -- values and errors --------------------------------------------------------

TEST_CASE("PostgreSQL gives back what it was given", "[.postgres]") {
  server there;
  auto db = there.connect();
  db.run_script("CREATE TABLE t (n BIGINT, s TEXT)");
  const auto text = std::string{"it's \\ \"\xC3\xA4\" $1 ?1"};
  CHECK(db.execute("INSERT INTO t VALUES (?1, ?2), (?3, ?4)",
                   std::numeric_limits<int64_t>::min(), text,
                   caf::optional<int64_t>{}, caf::optional<std::string>{})
        == 2);
  auto rows = db.query("SELECT n, s FROM t ORDER BY n");
  REQUIRE(rows.step());
  CHECK(rows.get<int64_t>(0) == std::numeric_limits<int64_t>::min());
  CHECK(rows.get<std::string>(1) == text);
  REQUIRE(rows.step());
  CHECK(!rows.find<int64_t>(0));
  CHECK(!rows.find<std::string>(1));
  CHECK(!rows.step());
  CHECK(db.insert("INSERT INTO t VALUES (?1, '') RETURNING n", 7) == 7);
  CHECK(db.execute("UPDATE t SET s = '' WHERE n = ?1", 8) == 0);
}

TEST_CASE("PostgreSQL's troubles are told apart", "[.postgres]") {
  server there;
  auto db = there.connect();
  auto other = there.connect();
  db.run_script("CREATE TABLE t (id BIGINT PRIMARY KEY)");
  db.execute("INSERT INTO t VALUES (1)");
  CHECK(trouble([&] { db.execute("INSERT INTO t VALUES (1)"); })
        == sql::failure::constraint);
  CHECK(trouble([&] { db.execute("SELECT nonsense"); }) == sql::failure::other);
  db.run_script("SET statement_timeout = 20");
  CHECK(trouble([&] { db.execute("SELECT pg_sleep(10)"); })
        == sql::failure::interrupted);
  db.run_script("SET statement_timeout = 0; SET lock_timeout = 20");
  other.begin_writing();
  CHECK(trouble([&] { db.begin_writing(); }) == sql::failure::busy);
  CHECK(!db.in_transaction());
  other.execute("COMMIT");
  db.begin_writing();
  CHECK(db.in_transaction());
}

TEST_CASE("a transaction that failed is not taken for committed",
          "[.postgres]") {
  server there;
  auto db = there.connect();
  db.begin_writing();
  CHECK_THROWS_AS(db.execute("SELECT nonsense"), sql::database_error);
  CHECK_THROWS_AS(db.execute("COMMIT"), sql::database_error);
  CHECK(!db.in_transaction());
}

TEST_CASE("transactions are told the server's time", "[.postgres]") {
  server there;
  auto db = there.connect();
  const auto first = db.begin_writing();
  REQUIRE(first);
  CHECK(*first > timestamp{24h * 365 * 50});
  db.execute("COMMIT");
  const sql::snapshot later{db};
  CHECK(*later.server_time() > *first);
}

TEST_CASE("a reader of PostgreSQL cannot write", "[.postgres]") {
  server there;
  sql::database opened{there.url};
  auto reader = opened.connect(mode::read_only);
  CHECK_THROWS_AS(reader->execute("DELETE FROM jobs"), sql::database_error);
}

// -- the connection -----------------------------------------------------------

TEST_CASE("a lost connection is made again where a transaction begins",
          "[.postgres]") {
  server there;
  auto db = there.connect();
  db.begin_writing();
  there.cut_all();
  CHECK(trouble([&] { db.execute("SELECT 1"); })
        == sql::failure::connection_lost);
  CHECK(!db.in_transaction());
  CHECK(trouble([&] { db.execute("COMMIT"); })
        == sql::failure::connection_lost);
  db.begin_writing();
  db.execute("SELECT 1"); // prepared once more
  db.execute("COMMIT");
  there.cut_all(); // while nobody uses it
  CHECK_NOTHROW(sql::snapshot{db});
}

TEST_CASE("a server that is gone is not asked all the time", "[.postgres]") {
  server there;
  there.connect().run_script("CREATE ROLE " + there.role() + " LOGIN");
  timestamp now{1h};
  sql::connection db{sql::open_postgres(
    {.url = there.url + "&user=" + there.role(), .now = [&now] { return now; }},
    mode::read_write)};
  const auto begin = [&db] { db.begin_writing(); };
  // Nobody gets in, as if the server were gone.
  there.connect().run_script("ALTER ROLE " + there.role() + " NOLOGIN");
  there.cut_all();
  CHECK(trouble(begin) == sql::failure::connection_lost);
  there.connect().run_script("ALTER ROLE " + there.role() + " LOGIN");
  CHECK(trouble(begin) == sql::failure::connection_lost); // too early
  now += 250ms;
  CHECK_NOTHROW(begin());
}

TEST_CASE("a server that is frozen is lost after some seconds", "[.postgres]") {
  server there;
  auto db = there.connect(mode::apart);
  const auto pid = db.insert("SELECT pg_backend_pid()");
  db.begin_writing();
  REQUIRE(::kill(static_cast<pid_t>(pid), SIGSTOP) == 0);
  const auto kind = trouble([&] { db.execute("SELECT 1"); });
  ::kill(static_cast<pid_t>(pid), SIGCONT);
  CHECK(kind == sql::failure::connection_lost);
  CHECK_NOTHROW(db.begin_writing()); // with another one
}

TEST_CASE("statements larger than any buffer pass", "[.postgres]") {
  server there;
  auto db = there.connect();
  const std::string text(30'000'000, 'x');
  auto row = db.query("SELECT ?1", text);
  REQUIRE(row.step());
  CHECK(row.get<std::string>(0) == text);
}

TEST_CASE("an unreachable server is named without secrets", "[.postgres]") {
  const auto text = message_of_open("postgresql://me:s3cret@localhost:1/tuner");
  CHECK(contains(text, "cannot open the database postgresql://localhost:1/"));
  CHECK(!contains(text, "s3cret"));
  const auto broken = message_of_open("postgresql://me:s3cret%zz@h/tuner");
  CHECK(contains(broken, "the URL cannot be read"));
  CHECK(!contains(broken, "s3cret"));
}

// -- the database -------------------------------------------------------------

TEST_CASE_METHOD(postgres_fixture, "several daemons share a schema",
                 "[.postgres]") {
  submit("a");
  const sql::database second{path};
  submit("b");
  CHECK(events().head == 2);
}

TEST_CASE("daemons that start at once migrate once", "[.postgres]") {
  const server there;
  std::vector<std::thread> threads;
  std::vector<std::string> told(4);
  for (auto& text : told)
    threads.emplace_back([&] { text = message_of_open(there.url); });
  for (auto& x : threads)
    x.join();
  for (const auto& text : told)
    CHECK(text == "");
}

TEST_CASE_METHOD(postgres_fixture, "foreign and newer schemas are left alone",
                 "[.postgres]") {
  raw()->execute("UPDATE tunerd_schema SET version = 1000");
  stop();
  CHECK(contains(message_of_open(path), "schema 1000 is newer"));
  const server foreign;
  foreign.connect().run_script("CREATE TABLE jobs (id TEXT)");
  CHECK(contains(message_of_open(foreign.url), "another program"));
}

TEST_CASE_METHOD(postgres_fixture, "ids of events have no gaps",
                 "[.postgres]") {
  submit("a");
  raw()->run_script(R"sql(
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE 'disk trouble'; END $$;
    CREATE TRIGGER refused BEFORE INSERT ON audit FOR EACH ROW
      WHEN (new.subject = 'bad') EXECUTE FUNCTION refuse();)sql");
  CHECK(refused<job_submitted>(submission("bad")) == ec::database_error);
  submit("b");
  REQUIRE(events().events.size() == 2);
  CHECK(events().events[1].id == 2);
  raw()->execute("DELETE FROM events");
  CHECK(events().head == 2); // not forgotten
  submit("c");
  CHECK(events(2).events.at(0).id == 3);
}

TEST_CASE_METHOD(postgres_fixture,
                 "a command that meets another transaction is repeated",
                 "[.postgres]") {
  for (const auto* state : {"40P01", "40001"}) {
    const std::string id{state};
    raw()->run_script("CREATE SEQUENCE met_" + id + "; CREATE FUNCTION meet_"
                      + id + R"sql(() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF nextval('met_)sql"
                      + id + R"sql(') < 3 THEN
          RAISE 'met another' USING ERRCODE = ')sql"
                      + id + R"sql(';
        END IF;
        RETURN new;
      END $$;
      CREATE TRIGGER met_)sql"
                      + id + R"sql( BEFORE INSERT ON jobs FOR EACH ROW
        WHEN (new.id = ')sql"
                      + id + "') EXECUTE FUNCTION meet_" + id + "()");
    submit(id); // the third time
    CHECK(get(id).id == id);
  }
  CHECK(events().events.size() == 2); // each only once
}

TEST_CASE_METHOD(postgres_fixture, "a store outlives its server's restarts",
                 "[.postgres]") {
  submit("a");
  cut_all();
  submit("b");
  CHECK(get("b").id == "b");
  cut_all();
  CHECK(get("a").id == "a");
}

TEST_CASE_METHOD(postgres_fixture,
                 "a batch that is lost before COMMIT had no effect",
                 "[.postgres]") {
  settle();
  auto first = self->request(aut, 1min, submission("a"));
  auto second = self->request(aut, 1min, submission("b"));
  sched.prioritize(aut);
  REQUIRE(sched.try_run_once()); // done, but not committed
  cut_all();
  settle();
  const auto had_effect = [](const job_submitted&) { FAIL("it cannot be"); };
  const auto had_none
    = [](const caf::error& err) { CHECK(code_of(err) == ec::database_error); };
  first.receive(had_effect, had_none);
  second.receive(had_effect, had_none);
  CHECK(refused<job_found>(get_job{{"c"}, {}, "a"}) == ec::job_not_found);
  submit("c");
}

TEST_CASE_METHOD(postgres_fixture, "a loss during COMMIT is told as unknown",
                 "[.postgres]") {
  test::log_capture log;
  settle();
  auto lost = self->request(aut, 1min, submission("a"));
  sched.prioritize(aut);
  REQUIRE(sched.try_run_once()); // done, but not committed
  cut_all();
  settle();
  lost.receive([](const job_submitted&) { FAIL("it cannot be"); },
               [](const caf::error& err) {
                 CHECK(code_of(err) == ec::worker_restarting);
               });
  CHECK(log.contains("ERROR", "lost during COMMIT"));
  submit("a"); // it was not there
}

// -- the lease ----------------------------------------------------------------

namespace {

class lease_fixture : public postgres_fixture {
protected:
  lease_fixture() {
    keeper = spawn(lease_store, store_settings{db, limits, world()});
  }

  /// With a clock that goes on at every look.
  outside world() {
    return {[this] { return now() + ++looks * 1ms; },
            [] { return uint64_t{4}; }};
  }

  lease_kept wish(const std::string& who, lease_wish what,
                  const lease_row& known = {}, int64_t epoch = 0) {
    return ask<lease_kept>(keeper,
                           keep_lease{{"corr-lease"},
                                      {who.substr(0, 1), who, "http://" + who},
                                      what,
                                      known,
                                      epoch,
                                      3s});
  }

  ec refused_by(const store_actor& store, const std::string& id) {
    return code_of(ask_error<job_submitted>(store, submission(id)));
  }

  /// A store for what `who` does at `epoch`.
  store_actor fenced(const std::string& who, int64_t epoch) {
    store_settings settings{db, limits, world()};
    settings.fence
      = {.holder = who, .epoch = epoch, .on_refused = [this] { ++refusals; }};
    return spawn(store, settings, reader, std::vector<event_listener_actor>{});
  }

  lease_store_actor keeper;
  int looks = 0;
  int refusals = 0;
};

} // namespace

TEST_CASE_METHOD(lease_fixture, "the lease changes hands once per epoch",
                 "[.postgres][cluster]") {
  submit("j");
  const auto free = wish("a1", lease_wish::look);
  CHECK(free.events_head == 1);
  CHECK(free.row == lease_row{});
  const auto taken = wish("a1", lease_wish::take, free.row);
  CHECK(taken.done);
  CHECK(taken.row == lease_row{"a1", 1, 1});
  CHECK(taken.holder_name == "a");
  CHECK(taken.holder_url == "http://a1");
  // Whoever saw it as it was comes too late.
  CHECK(!wish("b1", lease_wish::take, free.row).done);
  CHECK(!wish("b1", lease_wish::renew, {}, 1).done);
  CHECK(!wish("a1", lease_wish::renew, {}, 0).done);
  const auto renewed = wish("a1", lease_wish::renew, {}, 1);
  CHECK(renewed.done);
  CHECK(renewed.row.renewals == 2);
  CHECK(!wish("b1", lease_wish::take, taken.row).done);
  CHECK(wish("b1", lease_wish::take, renewed.row).row == lease_row{"b1", 2, 3});
  CHECK(!wish("a1", lease_wish::renew, {}, 1).done);
  CHECK(!wish("a1", lease_wish::release, {}, 1).done);
  CHECK(wish("b1", lease_wish::release, {}, 2).row == lease_row{"", 2, 4});
}

TEST_CASE_METHOD(lease_fixture, "two processes of one name are noticed",
                 "[.postgres][cluster]") {
  CHECK(!wish("a1", lease_wish::look).name_is_taken);
  // One that came after the end of another one is no twin of it,
  CHECK(!wish("a2", lease_wish::look).name_is_taken);
  CHECK(!wish("b1", lease_wish::look).name_is_taken);
  wish("a1", lease_wish::look);
  CHECK(wish("a2", lease_wish::look).name_is_taken); // but that one lives
  wish("a1", lease_wish::release);
  CHECK(!wish("a2", lease_wish::look).name_is_taken);
}

TEST_CASE_METHOD(lease_fixture, "a stale epoch writes nothing",
                 "[.postgres][cluster]") {
  auto row = wish("a1", lease_wish::take).row;
  const auto leader = fenced("a1", row.epoch);
  ask<job_submitted>(leader, submission("a"));
  row = wish("b1", lease_wish::take, row).row;
  CHECK(refused_by(leader, "b") == ec::database_error);
  CHECK(refusals == 1);
  CHECK(refused_by(leader, "b") == ec::database_error); // and it stays so
  submit("c");                                          // of no leader
  CHECK(get("a").id == "a");
  CHECK(refused<job_found>(get_job{{"c"}, {}, "b"}) == ec::job_not_found);
  CHECK(events().events.size() == 2);
}

TEST_CASE_METHOD(lease_fixture, "nobody takes the lease under a transaction",
                 "[.postgres][cluster]") {
  const auto row = wish("a1", lease_wish::take).row;
  auto leader = raw();
  leader->begin_writing();
  CHECK(sql::lease_table{*leader}.lock("a1", row.epoch));
  auto other = db->connect(mode::apart);
  other->run_script("SET lock_timeout = 50");
  other->begin_writing(); // does not wait for who writes
  sql::lease_table table{*other};
  const keep_lease take{{"c"}, {"b", "b1"}, lease_wish::take, row, 0, 3s};
  CHECK(trouble([&] { table.keep(take, now()); }) == sql::failure::busy);
  other->execute("ROLLBACK");
  leader->execute("COMMIT");
  CHECK(wish("b1", lease_wish::take, row).done);
}
