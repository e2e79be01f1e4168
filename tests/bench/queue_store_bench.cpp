#include "tests/bench/bulk_fill.hpp"
#include "tests/bench/fsync.hpp"
#include "tests/bench/queue_bench.hpp"
#include "tests/bench/scratch.hpp"

#include "actors/queue_scheduler/job_queue.hpp"
#include "actors/queue_scheduler/queue_scheduler.hpp"
#include "actors/store/database.hpp"
#include "actors/store/queries.hpp"
#include "actors/store/sqlite.hpp"
#include "actors/store/store.hpp"
#include "actors/store/store_reader.hpp"
#include "messages/error.hpp"
#include "messages/type_ids.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <unistd.h>

// What a decision costs with the store behind it: the real one on SQLite, and
// a scheduler that is a statement.

namespace tunerd::bench {

namespace {

using namespace std::chrono_literals;

constexpr size_t claim_max = 64; // as the scheduler's
constexpr auto patience = 120s;

timestamp now() {
  return std::chrono::time_point_cast<caf::timespan>(
    std::chrono::system_clock::now());
}

void add_job(sql::connection& db, const queue_entry& x) {
  db.execute(
    "INSERT INTO jobs (id, row, job_type, provider, status, config_name, "
    "user_id, org_id, team_id, created_at, hardware_type, hardware_profile, "
    "error_message, output_url, metadata, correlation_id, queue, priority, "
    "queued_at, not_before, attempts_used, max_attempts, external_id) "
    "VALUES (?1, ?2, 'cloud', ?3, 'pending', '', ?4, ?5, ?6, ?7, '', '', '', "
    "'', '{}', ?8, 'pending', ?9, ?7, 0, 0, 3, '')",
    x.job_id, x.row, x.provider, x.user_id, x.org_id, x.team_id, x.queued_at,
    x.correlation_id, x.priority);
  db.execute("INSERT INTO job_inputs (job_id, version, body, fingerprint, "
             "webhook_url) VALUES (?1, 'me/m:v1', '{\"steps\":10}', ?1, '')",
             x.job_id);
}

/// Fills a database of the current schema with `count` waiting jobs.
void fill(sql::connection& db, const crowd& all, int64_t count) {
  fill_in_bulk(db, [&, at = now()] {
    for (int64_t i = 0; i < count; ++i)
      add_job(db, nth_job(all, i, at));
  });
}

/// @returns the most memory this process ever had, in bytes.
int64_t peak_bytes() {
  std::ifstream in{"/proc/self/status"};
  for (std::string word; in >> word;)
    if (word == "VmHWM:") {
      int64_t kilobytes = 0;
      in >> kilobytes;
      return kilobytes * 1'024;
    }
  return 0;
}

/// Page by page, one step after the other.
json rebuild(const std::string& path) {
  auto db = std::make_shared<sql::database>(path);
  const auto reading = db->connect(sql::connection::mode::read_only);
  const auto before = resident_bytes();
  job_queue queue{1h};
  queue.set_limits(all_limits());
  double read_seconds = 0, index_seconds = 0;
  load_queue query{{"bench"}};
  do {
    queue_snapshot page;
    read_seconds += seconds_of([&] {
      sql::snapshot scope{*reading};
      page = *look_up(sql::view{*reading, now(), all_limits()}, query);
    });
    index_seconds += seconds_of([&] {
      for (const auto& x : page.entries)
        queue.update(x);
    });
    query.after = page.next;
  } while (!query.after.empty());
  const auto choice = seconds_of([&] { queue.choose(now(), claim_max); });
  return {{"read_seconds", read_seconds},
          {"index_seconds", index_seconds},
          {"megabytes", (peak_bytes() - before) / 1'000'000},
          {"first_choice_seconds", choice},
          {"waiting", queue.waiting()}};
}

/// The provider of the daemon that starts: keeps when it was first asked.
provider_gateway_actor::behavior_type
deaf_gateway(provider_gateway_actor::pointer,
             std::shared_ptr<std::promise<steady::time_point>> first) {
  const auto refuse = make_error(ec::provider_error, "not here");
  return {
    [=](const prepare_job&) -> caf::result<job_prepared> { return refuse; },
    [first, n = 0](
      const submit_to_provider& x) mutable -> caf::result<submission_outcome> {
      if (n++ == 0)
        first->set_value(steady::now());
      submission_outcome result{x.ctx};
      result.result = submission_result::unavailable;
      return result;
    },
    [=](const get_provider_job&) -> caf::result<provider_job_found> {
      return refuse;
    },
    [=](const list_provider_jobs&) -> caf::result<provider_job_page> {
      return refuse;
    },
    [=](const cancel_provider_job&) -> caf::result<provider_job_cancelled> {
      return refuse;
    },
  };
}

json index_alone(int64_t waiting) {
  const auto before = resident_bytes();
  job_queue queue{1h};
  queue.set_limits(all_limits());
  const crowd all{.waiting = waiting};
  const auto at = now();
  const auto seconds = seconds_of([&] {
    for (int64_t i = 0; i < waiting; ++i)
      queue.update(nth_job(all, i, at));
  });
  return {{"seconds", seconds},
          {"megabytes", (resident_bytes() - before) / 1'000'000}};
}

struct system_config : caf::actor_system_config {
  system_config() {
    add_message_types<caf::id_block::tunerd>();
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", size_t{2});
  }
};

/// As the daemon does it: from the start of store and scheduler to the first
/// request at a provider.
json restart(const std::string& path) {
  const auto before = resident_bytes();
  system_config config;
  caf::actor_system system{config};
  const auto first = std::make_shared<std::promise<steady::time_point>>();
  store_settings settings;
  settings.db = std::make_shared<sql::database>(path);
  settings.limits.set(all_limits());
  settings.world = {now, [n = uint64_t{}]() mutable { return ++n; }};
  const auto begin = steady::now();
  auto reader = system.spawn<caf::detached>(store_reader, settings);
  auto writer = system.spawn<caf::detached>(
    store, settings, reader, std::vector<event_listener_actor>{});
  auto gateway = system.spawn(deaf_gateway, first);
  queue_scheduler_settings own;
  own.world = {now, [n = uint64_t{}]() mutable { return ++n; }};
  auto scheduler = system.spawn(queue_scheduler, own, writer, gateway);
  const std::chrono::duration<double> spent = first->get_future().get() - begin;
  const auto peak = peak_bytes() - before;
  for (const auto& x : {caf::actor_cast<caf::actor>(scheduler),
                        caf::actor_cast<caf::actor>(gateway),
                        caf::actor_cast<caf::actor>(writer),
                        caf::actor_cast<caf::actor>(reader)})
    caf::anon_send_exit(x, caf::exit_reason::kill);
  return {{"seconds_to_first_request", spent.count()},
          {"peak_megabytes", peak / 1'000'000}};
}

/// The store actor on a database full of jobs, and who claims them.
class claimant {
public:
  claimant(const std::string& path, const queue_limits& limits, int64_t waiting)
    : system_(config_), self_(system_) {
    settings_.db = std::make_shared<sql::database>(path);
    settings_.limits.set(limits);
    settings_.world = {now, [this] { return ++random_; }};
    fill(*settings_.db->connect(sql::connection::mode::read_write), {},
         waiting);
    index_.set_limits(limits);
    for (int64_t i = 0; i < waiting; ++i)
      index_.update(nth_job({}, i, now()));
    reader_ = system_.spawn<caf::detached>(store_reader, settings_);
    store_ = system_.spawn<caf::detached>(store, settings_, reader_,
                                          std::vector<event_listener_actor>{});
  }

  ~claimant() {
    caf::anon_send_exit(store_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(reader_, caf::exit_reason::user_shutdown);
  }

  /// Chooses, claims and records `jobs` jobs; they end off the clock.
  /// @param together Claims that are on their way at once.
  /// @returns jobs per second.
  double run(int64_t jobs, size_t together, size_t per_claim) {
    int64_t done = 0;
    double seconds = 0;
    while (done < jobs) {
      std::vector<claimed_job> claimed;
      seconds += seconds_of([&] {
        claimed = claim(together, per_claim);
        record(claimed);
      });
      if (claimed.empty())
        throw std::runtime_error("nothing can be claimed");
      done += static_cast<int64_t>(claimed.size());
      finish(claimed);
    }
    return static_cast<double>(done) / seconds;
  }

private:
  /// Sends all of them, then waits for all answers.
  template <class Answer, class Command, class F>
  void ask(const std::vector<Command>& commands, F take) {
    std::vector<decltype(self_->request(store_, patience, commands[0]))> open;
    for (const auto& x : commands)
      open.push_back(self_->request(store_, patience, x));
    for (auto& x : open)
      x.receive(
        [&](Answer& answer) { take(answer); },
        [](const caf::error& err) { throw std::runtime_error(render(err)); });
  }

  std::vector<claimed_job> claim(size_t together, size_t per_claim) {
    std::vector<claim_jobs> commands;
    for (size_t i = 0; i < together; ++i)
      commands.push_back({{"bench"}, index_.choose(now(), per_claim)});
    std::vector<claimed_job> result;
    ask<jobs_claimed>(commands, [&](jobs_claimed& x) {
      std::move(x.claimed.begin(), x.claimed.end(), std::back_inserter(result));
    });
    return result;
  }

  void record(const std::vector<claimed_job>& claimed) {
    std::vector<record_submission> commands;
    for (const auto& x : claimed) {
      record_submission command{{"bench"}, x.subject.id, x.attempt_id};
      command.outcome.result = submission_result::accepted;
      command.outcome.seen.external_id = "x" + x.subject.id;
      command.outcome.seen.status = job_status::running;
      commands.push_back(command);
    }
    ask<submission_recorded>(commands, [](submission_recorded&) {});
  }

  void finish(const std::vector<claimed_job>& claimed) {
    std::vector<apply_status> commands;
    for (const auto& x : claimed) {
      apply_status command{{"bench"}, x.subject.id, {}};
      command.seen.status = job_status::completed;
      commands.push_back(command);
      index_.erase(x.subject.id);
    }
    ask<status_applied>(commands, [](status_applied&) {});
  }

  system_config config_;
  caf::actor_system system_;
  caf::scoped_actor self_;
  store_settings settings_;
  std::atomic<uint64_t> random_ = 0;
  job_queue index_{1h};
  store_reader_actor reader_;
  store_actor store_;
};

/// Limits and none take turns, so that both see the same machine.
json compare_claims(const std::string& parent) {
  constexpr int rounds = 9;
  constexpr size_t together = 8;
  const scratch place{parent};
  claimant limited{place.file("limited.db"), all_limits(), 12'000};
  claimant free{place.file("free.db"), no_limits(), 12'000};
  std::vector<double> with, without, cost;
  for (int i = 0; i < rounds; ++i) {
    with.push_back(limited.run(1'024, together, claim_max));
    without.push_back(free.run(1'024, together, claim_max));
    cost.push_back(1 - with.back() / without.back());
  }
  return {{"all_limits_and_fair_share", percentiles(with)},
          {"no_limits", percentiles(without)},
          {"cost_of_limits", percentiles(cost)},
          {"one_transaction_per_row", limited.run(200, 1, 1)}};
}

// -- a scheduler that is a statement ------------------------------------------

constexpr const char* naive_schema = R"sql(
PRAGMA journal_mode = WAL;
CREATE TABLE q (row INTEGER PRIMARY KEY, user TEXT, org TEXT, team TEXT,
  provider TEXT, priority INTEGER, queued_at INTEGER, state TEXT);
CREATE INDEX q_order ON q (state, priority DESC, queued_at, row);
CREATE INDEX q_user ON q (state, user);
CREATE INDEX q_org ON q (state, org, team);
CREATE INDEX q_provider ON q (state, provider);
)sql";

constexpr const char* naive_decision = R"sql(
UPDATE q SET state = 'running' WHERE row = (SELECT w.row FROM q w
  WHERE w.state = 'pending'
  AND (SELECT count(*) FROM q WHERE state = 'running') < 20000
  AND (SELECT count(*) FROM q WHERE state = 'running'
    AND user = w.user) < 2
  AND (SELECT count(*) FROM q WHERE state = 'running'
    AND org = w.org AND team = w.team) < 10
  AND (SELECT count(*) FROM q WHERE state = 'running' AND org = w.org) < 20
  AND (SELECT count(*) FROM q WHERE state = 'running'
    AND provider = w.provider) < 16000
  ORDER BY w.priority DESC, w.queued_at, w.row LIMIT 1)
)sql";

/// Nine of ten users hold all they may, as in `measure_decisions`.
void fill_naive(sql::connection& db, int64_t waiting) {
  const crowd all;
  db.run_script(naive_schema);
  db.execute("BEGIN");
  const auto add = [&](int64_t n, const char* state) {
    const auto x = nth_job(all, n, now());
    db.execute("INSERT INTO q (user, org, team, provider, priority, queued_at, "
               "state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
               x.user_id, x.org_id, x.team_id, x.provider, x.priority,
               x.queued_at, std::string{state});
  };
  for (int64_t i = 0; i < waiting; ++i)
    add(i, "pending");
  for (int64_t i = 0; i < all.users * 18 / 10; ++i)
    add(i % (all.users * 9 / 10), "running");
  db.execute("COMMIT");
}

json naive_with(const std::string& parent, int64_t waiting, bool durable) {
  const scratch place{parent};
  const auto path = place.file("naive.db");
  ::close(::open(path.c_str(), O_CREAT | O_RDWR, 0600));
  sql::connection db{sql::open_sqlite(path, sql::connection::mode::read_write)};
  fill_naive(db, waiting);
  db.run_script(durable ? "PRAGMA synchronous = FULL"
                        : "PRAGMA synchronous = OFF");
  int64_t done = 0;
  const auto begin = steady::now();
  std::chrono::duration<double> spent{};
  while (spent < 3s && done < 2'000) {
    done += db.execute(naive_decision);
    db.execute("UPDATE q SET state = 'completed' WHERE row = (SELECT max(row) "
               "FROM q WHERE state = 'running')");
    spent = steady::now() - begin;
  }
  return {{"waiting", waiting},
          {"durable", durable},
          {"per_second", static_cast<double>(done) / spent.count()}};
}

} // namespace

json measure_rebuild(const std::string& directory, int64_t waiting) {
  const scratch place{directory};
  const auto path = place.file("tunerd.db");
  in_own_process([&] { // what it leaves free would hide what others take
    sql::database made{path};
    fill(*made.connect(sql::connection::mode::read_write), {}, waiting);
    return json{};
  });
  return {
    {"daemon", in_own_process([&] { return restart(path); })},
    {"from_rows", in_own_process([&] { return rebuild(path); })},
    {"index_alone", in_own_process([&] { return index_alone(waiting); })}};
}

json measure_durable(const std::string& directory) {
  json result;
  {
    const scratch place{directory};
    result["fsync_microseconds"] = measure_fsync(place.file("fsync"));
  }
  result["jobs_per_second"] = compare_claims(directory);
  return result;
}

json measure_naive_sql(const std::string& directory) {
  json result;
  for (const int64_t waiting : {10'000, 100'000})
    for (const auto durable : {false, true})
      result.push_back(naive_with(directory, waiting, durable));
  return result;
}

} // namespace tunerd::bench
