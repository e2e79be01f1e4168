#pragma once

#include "actors/store/job_table.hpp"
#include "actors/store/store.hpp"
#include "actors/store/store_reader.hpp"

#include "tests/deterministic.hpp"
#include "tests/temporary_place.hpp"

namespace tunerd::test {

/// A store with its reader on a database of its own.
class store_fixture : public deterministic {
public:
  store_fixture() {
    start();
  }

  ~store_fixture() {
    stop();
  }

protected:
  void start() {
    // The test's clock, not the server's.
    db = std::make_shared<sql::database>(
      path, sql::database_options{.uses_server_clock = false});
    const store_settings settings{
      db, limits, {[this] { return now(); }, [] { return uint64_t{4}; }}};
    reader = spawn(store_reader, settings);
    aut = spawn(store, settings, reader, std::vector{spawn_recorder(hints)});
  }

  /// As a crash does: nothing more is written.
  void stop() {
    for (auto& hdl : spawned)
      caf::anon_send_exit(hdl, caf::exit_reason::kill);
    settle();
    spawned.clear();
    aut = nullptr;
    reader = nullptr;
    db.reset();
  }

  submit_job submission(const std::string& id,
                        const std::string& user = "7") const {
    job x{.id = id};
    x.provider = "replicate";
    x.user_id = user;
    return {{"corr-" + id}, x, {"me/m:v1", R"({"a":1})", "fp"}};
  }

  job submit(const std::string& id, const std::string& user = "7") {
    return ask<job_submitted>(aut, submission(id, user)).subject;
  }

  jobs_claimed claim(std::vector<std::string> ids) {
    return ask<jobs_claimed>(aut, claim_jobs{{"corr-claim"}, std::move(ids)});
  }

  /// Submits and claims. @returns the attempt.
  int64_t claimed(const std::string& id, const std::string& user = "7") {
    submit(id, user);
    const auto answer = claim({id});
    REQUIRE(answer.claimed.size() == 1);
    return answer.claimed[0].attempt_id;
  }

  record_submission outcome(const std::string& id, int64_t attempt,
                            submission_result result,
                            const std::string& external_id = "") const {
    record_submission x{{"corr-record"}, id, attempt};
    x.outcome.result = result;
    x.outcome.reason = "because";
    x.outcome.seen.external_id = external_id;
    return x;
  }

  submission_recorded record(const record_submission& x) {
    return ask<submission_recorded>(aut, x);
  }

  /// Submits, claims and records as `external_id`. @returns the job.
  job at_provider(const std::string& id, const std::string& external_id) {
    return record(
             outcome(id, claimed(id), submission_result::accepted, external_id))
      .subject;
  }

  apply_status seen(const std::string& id,
                    caf::optional<job_status> status) const {
    apply_status x{{"corr-poll"}, id, {}};
    x.seen.status = status;
    return x;
  }

  status_applied apply(const apply_status& x) {
    return ask<status_applied>(aut, x);
  }

  job end(const std::string& id, job_status status = job_status::cancelled) {
    return ask<job_found>(aut, end_job{{"corr-end"}, id, status, "no need"})
      .subject;
  }

  job get(const std::string& id) {
    return ask<job_found>(aut, get_job{{"corr-get"}, {}, id}).subject;
  }

  queue_snapshot load() {
    return ask<queue_snapshot>(aut, load_queue{{"corr-load"}});
  }

  event_page events(int64_t after = 0, int32_t limit = 1000) {
    return ask<event_page>(aut, read_events{{"corr-read"}, after, limit});
  }

  /// @returns what the error of a refused command says.
  template <class Answer, class Message>
  ec refused(const Message& x) {
    return code_of(ask_error<Answer>(aut, x));
  }

  /// Changes limits that hold from now on.
  void limit(int32_t global, int32_t user) {
    set_limits x{{"corr-limits"}, {}};
    x.max_concurrent = global;
    x.user_max_concurrent = user;
    ask<limits_in_force>(aut, x);
  }

  /// Stores `count` copies of a job, j1, j2, ...
  void clone_job(const std::string& id, int64_t count) {
    constexpr std::string_view own = "row, id, ";
    auto columns = sql::job_columns;
    columns.resize(columns.rfind(", external_id"));
    const auto others = columns.substr(own.size());
    auto raw = db->connect(sql::connection::mode::read_write);
    raw->execute("WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 "
                 "FROM n WHERE i < ?2) INSERT INTO jobs (id, external_id, "
                   + others + ") SELECT 'j' || n.i, '', " + others
                   + " FROM n JOIN jobs ON id = ?1",
                 id, count);
  }

  temporary_directory directory;
  std::string path = new_place(directory.file("state/tunerd.db"));
  queue_limits limits;
  std::shared_ptr<sql::database> db;
  store_reader_actor reader;
  store_actor aut;
  std::vector<events_appended> hints;
};

} // namespace tunerd::test
