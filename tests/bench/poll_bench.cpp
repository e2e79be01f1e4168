#include "tests/bench/poll_server.hpp"
#include "tests/bench/queue_bench.hpp"
#include "tests/bench/scratch.hpp"

#include "actors/job_poller/job_poller.hpp"
#include "actors/provider_gateway/curl_thread.hpp"
#include "actors/provider_gateway/http_client.hpp"
#include "actors/provider_gateway/provider_gateway.hpp"
#include "actors/store/store.hpp"
#include "actors/store/store_reader.hpp"
#include "actors/support/log_core.hpp"

#include <CLI/CLI.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sys/resource.h>
#include <unistd.h>

// What it costs to know how many jobs are: store, poller, gateway and curl as
// the daemon has them, and a provider that takes its time.

namespace tunerd::bench {

namespace {

using namespace std::chrono_literals;

constexpr auto latency = 50ms;
constexpr auto patience = 300s;
constexpr int64_t per_command = 500;
/// Calls of the sequential client; more would only take longer.
constexpr int sequential_calls = 100;

timestamp now() {
  return std::chrono::time_point_cast<caf::timespan>(
    std::chrono::system_clock::now());
}

/// User and system time of all threads.
double cpu_seconds() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& x) {
    return static_cast<double>(x.tv_sec) + static_cast<double>(x.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int64_t peak_bytes() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

std::string job_id(int64_t n) {
  char id[17];
  std::snprintf(id, sizeof id, "%016llx",
                static_cast<unsigned long long>(n + 1) * 0x9e3779b97f4a7c15u);
  return id;
}

/// Jobs that the provider has and we believe to be queued there.
void fill(sql::connection& db, int64_t count) {
  db.execute("BEGIN");
  for (int64_t i = 0; i < count; ++i)
    db.execute(
      "INSERT INTO jobs (id, job_type, provider, status, config_name, user_id, "
      "org_id, team_id, created_at, hardware_type, hardware_profile, "
      "error_message, output_url, metadata, correlation_id, queue, priority, "
      "queued_at, not_before, attempts_used, max_attempts, external_id) "
      "VALUES (?1, 'cloud', 'replicate', 'queued', '', ?2, 'org', 'team', ?3, "
      "'H100', 'h100', '', '', '{}', ?4, 'running', 10, ?3, 0, 0, 3, ?5)",
      job_id(i), "user-" + std::to_string(i % 500), now(),
      job_id(i).substr(0, 12), "x" + std::to_string(i));
  db.execute("COMMIT");
}

/// What is measured.
struct setup {
  int64_t jobs = 1'000;
  int32_t in_flight = 64;
  /// Whether rounds come by themselves.
  bool polls = false;
};

/// Everything between the rows and the provider.
class polled_world {
public:
  polled_world(const std::string& parent, const setup& what)
    : place_(parent), there_(what.jobs, latency), what_(what) {
    configure_logging({.level = log_level::warning,
                       .file = place_.file("bench.log"),
                       .console_fd = -1});
    db_ = std::make_shared<sql::database>(place_.file("tunerd.db"));
    fill(*db_->connect(sql::connection::mode::read_write), what.jobs);
    curl_ = std::make_shared<curl_thread>(curl_settings{
      .in_flight_max = static_cast<size_t>(what.in_flight), .monotonic = [] {
        return caf::timespan{steady::now().time_since_epoch()};
      }});
    system_ = std::make_unique<caf::actor_system>(config_);
    start_store();
    start_gateway();
  }

  ~polled_world() {
    for (auto i = spawned_.rbegin(); i != spawned_.rend(); ++i)
      caf::anon_send_exit(*i, caf::exit_reason::user_shutdown);
    spawned_.clear();
    store_ = nullptr;
    gateway_ = nullptr;
    poller_ = nullptr;
    system_.reset();
    curl_->stop();
    configure_logging({.console_fd = -1}); // closes the file
  }

  polled_world(const polled_world&) = delete;
  polled_world& operator=(const polled_world&) = delete;

  const poll_server& server() const {
    return there_;
  }

  void start_poller() {
    job_poller_settings settings{.out = world_, .counts = counts_};
    settings.polling.set({.enabled = what_.polls});
    settings.providers
      = {{.name = "replicate", .max_in_flight = what_.in_flight}};
    poller_ = keep(system_->spawn(
      job_poller, settings, caf::actor_cast<job_store_actor>(store_),
      caf::actor_cast<settings_store_actor>(store_), gateway_));
  }

  /// Lets the poller ask about every job now. @returns how many it knows then.
  int64_t command_all() {
    caf::scoped_actor self{*system_};
    std::vector<decltype(self->request(poller_, patience, poll_jobs{}))> open;
    for (int64_t n = 0; n < what_.jobs; n += per_command) {
      poll_jobs command{{"bench"}, {}};
      for (auto i = n; i < std::min(n + per_command, what_.jobs); ++i)
        command.job_ids.push_back(job_id(i));
      open.push_back(self->request(poller_, patience, command));
    }
    int64_t synced = 0;
    for (auto& x : open)
      x.receive(
        [&](const jobs_polled& answer) { synced += answer.synced; },
        [](const caf::error& err) { throw std::runtime_error(render(err)); });
    return synced;
  }

  /// Starts a round as SIGHUP does.
  void refresh() {
    caf::scoped_actor self{*system_};
    self->request(poller_, patience, refresh_polling{{"bench"}})
      .receive(
        [](const polling_status&) {},
        [](const caf::error& err) { throw std::runtime_error(render(err)); });
  }

  /// Waits until `count` statuses were sent to the store, and it has them all.
  void await(int64_t count) {
    caf::scoped_actor self{*system_};
    const auto end = steady::now() + patience;
    while (counts_->polls.value() < count && steady::now() < end)
      self->receive(caf::after(1ms) >> [] {});
    self->request(store_, patience, report_missing_job{{"bench"}, "none"})
      .receive([](const status_applied&) {}, [](const caf::error&) {});
  }

  const metrics& counts() const {
    return *counts_;
  }

  /// @returns how many lines of the log have `text`.
  int64_t lines_with(const std::string& text) const {
    drain_log();
    std::ifstream in{place_.file("bench.log")};
    int64_t result = 0;
    for (std::string line; std::getline(in, line);)
      result += line.find(text) == std::string::npos ? 0 : 1;
    return result;
  }

private:
  struct config : caf::actor_system_config {
    config() {
      add_message_types<caf::id_block::tunerd>();
      set("scheduler.policy", caf::atom("sharing"));
      set("scheduler.max-threads", size_t{2});
    }
  };

  template <class Handle>
  Handle keep(const Handle& x) {
    spawned_.push_back(caf::actor_cast<caf::actor>(x));
    return x;
  }

  void start_store() {
    const store_settings settings{.db = db_, .world = world_};
    const auto reader
      = keep(system_->spawn<caf::detached>(store_reader, settings));
    store_ = keep(system_->spawn<caf::detached>(
      store, settings, reader, std::vector<event_listener_actor>{}));
  }

  void start_gateway() {
    provider_gateway_settings settings{.world = world_, .counts = counts_};
    settings.replicate.base_url = there_.base_url();
    settings.replicate.token = "bench";
    settings.replicate.requests_per_minute = 1'000'000; // not the budget
    const auto client = keep(system_->spawn(http_client, curl_));
    const auto made = system_->spawn(
      provider_gateway, settings, caf::actor_cast<http_client_actor>(client),
      caf::actor_cast<settings_store_actor>(store_));
    gateway_ = keep(caf::actor_cast<provider_gateway_actor>(made));
  }

  scratch place_;
  poll_server there_;
  setup what_;
  config config_;
  std::atomic<uint64_t> random_ = 0;
  outside world_{now, [this] { return ++random_; }};
  metrics_ptr counts_ = std::make_shared<metrics>();
  std::shared_ptr<sql::database> db_;
  std::shared_ptr<curl_thread> curl_;
  std::unique_ptr<caf::actor_system> system_;
  std::vector<caf::actor> spawned_;
  store_actor store_;
  provider_gateway_actor gateway_;
  job_poller_actor poller_;
};

/// @returns what `work` took for each of `jobs` jobs.
json cost_of(int64_t jobs, const std::function<void()>& work) {
  const auto cpu = cpu_seconds();
  const auto seconds = seconds_of(work);
  const auto each = 1e6 / static_cast<double>(jobs);
  return {{"seconds", seconds},
          {"cpu_microseconds_per_job", (cpu_seconds() - cpu) * each}};
}

/// One call per job, as many at once as may be.
json singles(const std::string& parent, int32_t in_flight) {
  constexpr int64_t jobs = 1'000;
  polled_world bench{parent, {.jobs = jobs, .in_flight = in_flight}};
  bench.start_poller();
  const auto all = [&bench] {
    if (bench.command_all() != jobs)
      throw std::runtime_error("not every job could be asked");
  };
  json result{{"jobs", jobs}, {"in_flight", in_flight}};
  result["ideal_seconds"] = std::chrono::duration<double>(latency).count()
                            * static_cast<double>(jobs) / in_flight;
  // The first round finds every job changed, and no connection open.
  result["all_changed"] = cost_of(jobs, all);
  result["none_changed"] = cost_of(jobs, all);
  const auto each
    = seconds_per_sequential_call(bench.server(), sequential_calls);
  result["sequential_client"]
    = {{"calls_made", sequential_calls}, {"seconds_extrapolated", each * jobs}};
  return result;
}

/// Page by page.
json listed(const std::string& parent) {
  constexpr int64_t jobs = 10'000;
  polled_world bench{parent, {.jobs = jobs, .polls = true}};
  json result{{"jobs", jobs}};
  result["all_changed"] = cost_of(jobs, [&bench] {
    bench.start_poller();
    bench.await(jobs);
  });
  result["calls"] = bench.counts().provider_calls.value();
  result["none_changed"] = cost_of(jobs, [&bench] {
    bench.refresh();
    bench.await(2 * jobs);
  });
  const auto each
    = seconds_per_sequential_call(bench.server(), sequential_calls);
  result["sequential_client"]
    = {{"calls_made", sequential_calls}, {"seconds_extrapolated", each * jobs}};
  return result;
}

/// More than fits into the interval.
json crowded(const std::string& parent, int64_t jobs) {
  polled_world bench{parent, {.jobs = jobs, .polls = true}};
  const auto before = resident_bytes();
  json result{{"jobs", jobs}};
  result["first_round"] = cost_of(jobs, [&bench, jobs] {
    bench.start_poller();
    bench.await(jobs);
  });
  result["resident_megabytes_before"] = before / 1'000'000;
  result["resident_megabytes"] = resident_bytes() / 1'000'000;
  result["peak_megabytes"] = peak_bytes() / 1'000'000;
  result["calls"] = bench.counts().provider_calls.value();
  result["overrun_warnings"] = bench.lines_with("takes longer than");
  return result;
}

} // namespace

void add_poll(CLI::App& app) {
  struct options {
    std::string directory = std::filesystem::temp_directory_path();
    int64_t crowd = 100'000;
    std::vector<std::string> parts = {"singles", "list", "crowd"};
  };
  auto chosen = std::make_shared<options>();
  auto* command = app.add_subcommand("poll", "How jobs are, asked of a slow "
                                             "provider");
  command->add_option("--directory", chosen->directory,
                      "Where databases are made");
  command->add_option("--crowd", chosen->crowd, "Jobs of the crowd");
  command->add_option("--parts", chosen->parts, "Of singles, list, crowd");
  command->callback([chosen] {
    json result{{"machine", machine()}};
    result["latency_seconds"] = std::chrono::duration<double>(latency).count();
    const auto& place = chosen->directory;
    for (const auto& part : chosen->parts) {
      if (part == "singles")
        for (const int32_t in_flight : {64, 256})
          result[part].push_back(
            in_own_process([&] { return singles(place, in_flight); }));
      else if (part == "list")
        result[part] = in_own_process([&] { return listed(place); });
      else if (part == "crowd")
        result[part]
          = in_own_process([&] { return crowded(place, chosen->crowd); });
    }
    std::cout << result.dump(2) << '\n';
  });
}

} // namespace tunerd::bench
