#include "tests/bench/bench.hpp"
#include "tests/bench/bulk_fill.hpp"
#include "tests/bench/fsync.hpp"
#include "tests/bench/scratch.hpp"

#include "actors/store/database.hpp"
#include "actors/store/sqlite.hpp"
#include "runtime/daemon.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// Requests that nobody decides, among a million that still have time: how late
// each of them expires, and how long many at once take.

namespace tunerd::bench {

namespace {

using namespace std::chrono_literals;

/// From when the daemon starts to the first deadline: it must be idle by then.
constexpr auto start_allowance = 15s;

timestamp now() {
  return std::chrono::time_point_cast<caf::timespan>(
    std::chrono::system_clock::now());
}

void add_request(sql::connection& db, int64_t n, timestamp created,
                 timestamp deadline) {
  const auto id = "job-" + std::to_string(n);
  db.execute(
    "INSERT INTO jobs (id, row, job_type, provider, status, config_name, "
    "user_id, org_id, team_id, created_at, hardware_type, hardware_profile, "
    "error_message, output_url, metadata, correlation_id, queue, priority, "
    "queued_at, not_before, attempts_used, max_attempts, external_id, "
    "approval_id) VALUES (?1, ?2, 'cloud', 'replicate', 'pending', '', ?3, "
    "'o', '', ?4, '', '', '', '', '{}', 'bench', 'blocked', 10, ?4, 0, 0, 3, "
    "'', ?2)",
    id, n, "u" + std::to_string(n % 5'000), created);
  db.execute("INSERT INTO approvals (id, job_id, user_id, org_id, rule_id, "
             "status, reason, provider, config_name, hardware_type, "
             "required_level, created_at, expires_at, is_warned, "
             "correlation_id) VALUES (?1, ?2, ?3, 'o', 0, 'pending', '', "
             "'replicate', '', '', 'lead', ?4, ?5, 1, 'bench')",
             n, id, "u" + std::to_string(n % 5'000), created, deadline);
}

daemon_options options_for(const std::string& directory) {
  daemon_options result;
  result.read_environment = false;
  result.settings = {{"tunerd.http.listen", "127.0.0.1:0"},
                     {"tunerd.storage.state_dir", directory},
                     {"tunerd.logging.level", "ERROR"}};
  result.simulate = true;
  return result;
}

/// @returns how late each request expired that has, in milliseconds.
std::vector<double> lateness(sql::connection& db, int64_t first, int64_t last) {
  std::vector<double> result;
  auto rows = db.query("SELECT j.completed_at - a.expires_at FROM approvals a "
                       "JOIN jobs j ON j.id = a.job_id WHERE a.id BETWEEN ?1 "
                       "AND ?2 AND a.status = 'expired'",
                       first, last);
  while (rows.step())
    result.push_back(static_cast<double>(rows.get<int64_t>(0)) / 1e6);
  return result;
}

struct load {
  int64_t pending = 1'000'000;
  /// One after the other, 20 ms apart; then all of `at_once`.
  int64_t single = 200;
  int64_t at_once = 10'000;
};

/// Fills the database in `directory`. @returns when all of `at_once` are due.
timestamp fill(const std::string& directory, const load& all) {
  sql::database file{directory + "/tunerd/tunerd.db"};
  auto db = file.connect(sql::connection::mode::read_write);
  const auto later = now() + 24h;
  fill_in_bulk(*db, [&] {
    for (int64_t n = 1; n <= all.pending; ++n)
      add_request(*db, n, now(), later);
  });
  db->execute("BEGIN");
  const auto first = now() + start_allowance;
  const auto due = first + all.single * 20ms + 1s;
  for (int64_t n = 1; n <= all.single; ++n)
    add_request(*db, all.pending + n, now(), first + n * 20ms);
  for (int64_t n = 1; n <= all.at_once; ++n)
    add_request(*db, all.pending + all.single + n, now(), due);
  db->execute("COMMIT");
  return due;
}

json measure_approvals(const std::string& directory, const load& all) {
  const scratch place{directory};
  const auto fsync = measure_fsync(place.file("fsync"));
  const auto due = fill(place.path(), all);
  daemon aut{options_for(place.path())};
  const auto started_in = seconds_of([&] { aut.start(); });
  sql::connection db{sql::open_sqlite(place.path() + "/tunerd/tunerd.db",
                                      sql::connection::mode::read_only)};
  const auto last_single = all.pending + all.single;
  const auto last = last_single + all.at_once;
  std::vector<double> together;
  while (now() < due || together.size() < static_cast<size_t>(all.at_once)) {
    if (now() > due + 60s)
      throw std::runtime_error("not all requests expired within a minute");
    std::this_thread::sleep_for(200ms);
    together = lateness(db, last_single + 1, last);
  }
  auto single = lateness(db, all.pending + 1, last_single);
  aut.stop();
  return {{"fsync_microseconds", fsync},
          {"pending", all.pending},
          {"start_seconds", started_in},
          {"single", single.size()},
          {"single_late_ms", percentiles(single)},
          {"at_once", all.at_once},
          {"at_once_late_ms", percentiles(together)}};
}

} // namespace

void add_approvals(CLI::App& app) {
  struct options {
    std::string directory = std::filesystem::temp_directory_path();
    load all;
  };
  auto chosen = std::make_shared<options>();
  auto* command
    = app.add_subcommand("approvals", "Requests that nobody decides in time");
  command->add_option("--directory", chosen->directory,
                      "Where the database is made; its disk is measured");
  command->add_option("--pending", chosen->all.pending,
                      "Requests that still have time");
  command->callback([chosen] {
    json result{{"machine", machine()}};
    result["approvals"] = measure_approvals(chosen->directory, chosen->all);
    std::cout << result.dump(2) << '\n';
  });
}

} // namespace tunerd::bench
