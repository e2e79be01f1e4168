#include "tests/bench/queue_bench.hpp"

#include "actors/queue_scheduler/job_queue.hpp"
#include "runtime/logging.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <random>
#include <sys/wait.h>
#include <unistd.h>

// What a decision costs: the index alone, with more and more that waits.

namespace tunerd::bench {

namespace {

using namespace std::chrono_literals;

constexpr timestamp epoch{std::chrono::hours{24 * 365 * 50}};
/// Between two of them the queue is filled up again, off the clock.
constexpr int64_t batch = 256;

double cpu_seconds() {
  timespec now = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec)
         + static_cast<double>(now.tv_nsec) / 1e9;
}

/// A queue in which as many jobs wait as at first, whatever is chosen.
class steady_queue {
public:
  steady_queue(const crowd& all, const queue_limits& limits)
    : all_(all), now_(epoch) {
    queue_.set_limits(limits);
    while (next_ < all_.waiting)
      fill_one();
  }

  /// Gives all slots of the first `count` users away, for ever.
  void saturate(int64_t count) {
    for (int64_t user = 0; user < count; ++user)
      for (int64_t slot = 0; slot < 2; ++slot) {
        auto x = nth_job(all_, user, now_);
        x.job_id = "held-" + std::to_string(2 * user + slot);
        x.row = -2 * user - slot - 1;
        x.status = queue_status::running;
        queue_.update(x);
      }
  }

  /// Chooses until nobody has room.
  void start(size_t max) {
    for (auto& job_id : queue_.choose(now_, max)) {
      submit_another(*queue_.find(job_id));
      held_.push_back(std::move(job_id));
    }
  }

  struct cost {
    /// Nanoseconds per decision, of each batch.
    std::vector<double> wall = {};
    double cpu_seconds = 0;
  };

  /// Frees a slot, chooses who gets it and lets it hold the slot, again and
  /// again.
  cost run(int64_t decisions) {
    cost result;
    for (int64_t done = 0; done < decisions; done += batch) {
      const auto cpu = cpu_seconds();
      const auto seconds = seconds_of([&] {
        for (int64_t i = 0; i < batch; ++i)
          decide();
      });
      result.wall.push_back(1e9 * seconds / static_cast<double>(batch));
      result.cpu_seconds
        += (cpu_seconds() - cpu) / static_cast<double>(decisions);
      for (auto i = held_.end() - batch; i != held_.end(); ++i)
        submit_another(*queue_.find(*i));
      now_ += 100ms;
    }
    return result;
  }

  double seconds_per_position(int64_t count) {
    std::mt19937_64 random{7};
    int64_t sum = 0;
    const auto seconds = seconds_of([&] {
      for (int64_t i = 0; i < count; ++i) {
        const auto back = static_cast<int64_t>(
          random() % static_cast<uint64_t>(all_.waiting));
        sum += queue_.position(nth_job(all_, next_ - 1 - back, now_).job_id,
                               now_);
      }
    });
    return sum > 0 ? seconds / static_cast<double>(count) : 0;
  }

private:
  void fill_one() {
    queue_.update(nth_job(all_, next_++, now_));
  }

  /// Who got a slot wants one more.
  void submit_another(queue_entry x) {
    const auto fresh = nth_job(all_, next_++, now_);
    x.job_id = fresh.job_id;
    x.row = fresh.row;
    x.queued_at = fresh.queued_at;
    queue_.update(x);
  }

  void decide() {
    queue_.erase(held_.front());
    held_.pop_front();
    held_.push_back(queue_.choose(now_, 1).at(0));
  }

  crowd all_;
  timestamp now_;
  int64_t next_ = 0;
  job_queue queue_{1h};
  std::deque<std::string> held_;
};

json cost_of(const crowd& all, const queue_limits& limits, bool saturated) {
  steady_queue queue{all, limits};
  if (saturated)
    queue.saturate(all.users * 9 / 10);
  queue.start(2'000);
  queue.run(80 * batch); // caches
  auto cost = queue.run(1'600 * batch);
  const auto nanoseconds = percentiles(cost.wall);
  return {{"waiting", all.waiting},
          {"nanoseconds", nanoseconds},
          {"per_second", 1e9 / nanoseconds["p50"].get<double>()},
          {"cpu_nanoseconds", cost.cpu_seconds * 1e9},
          {"position_microseconds", queue.seconds_per_position(50) * 1e6}};
}

} // namespace

queue_limits all_limits() {
  return {.max_concurrent = 20'000,
          .user_max_concurrent = 2,
          .team_max_concurrent = 10,
          .org_max_concurrent = 20,
          .enable_fair_share = true,
          .provider_max_concurrent = 16'000};
}

queue_limits no_limits() {
  return {.max_concurrent = 0, .user_max_concurrent = 0};
}

queue_entry nth_job(const crowd& all, int64_t n, timestamp now) {
  // Users come in no order.
  const auto user
    = static_cast<int64_t>(static_cast<uint64_t>(n) * 2'654'435'761u
                           % static_cast<uint64_t>(all.users));
  const auto org = user % all.orgs;
  char id[17];
  std::snprintf(id, sizeof id, "%016llx",
                static_cast<unsigned long long>(n) * 0x9e3779b97f4a7c15u);
  return {.job_id = id,
          .row = n + 1,
          .provider = user % 7 == 0 ? "simpletuner_io" : "replicate",
          .user_id = "user-" + std::to_string(user),
          .org_id = "org-" + std::to_string(org),
          .team_id = user / all.orgs % 2 == 0 ? "vision" : "language",
          .priority = n % 10 == 0 ? 20 : 10,
          .queued_at = now + n % 1'000 * 1ms,
          .correlation_id = std::string{id, 12}};
}

int64_t resident_bytes() {
  std::ifstream in{"/proc/self/statm"};
  int64_t size = 0, resident = 0;
  in >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

json in_own_process(const std::function<json()>& work) {
  int ends[2];
  if (::pipe(ends) != 0)
    throw std::runtime_error("no pipe");
  const auto child = ::fork();
  if (child == 0) {
    const auto text = work().dump();
    const auto written = ::write(ends[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text;
  char part[4096];
  for (auto n = ::read(ends[0], part, sizeof part); n > 0;
       n = ::read(ends[0], part, sizeof part))
    text.append(part, static_cast<size_t>(n));
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return json::parse(text, nullptr, false);
}

json measure_decisions() {
  json result;
  for (const int64_t waiting : {10'000, 100'000, 1'000'000}) {
    const crowd all{.waiting = waiting};
    const auto measure = [&](const queue_limits& limits, bool saturated) {
      return in_own_process([&] { return cost_of(all, limits, saturated); });
    };
    result["all_limits_and_fair_share"].push_back(measure(all_limits(), false));
    result["nine_of_ten_users_saturated"].push_back(
      measure(all_limits(), true));
    result["no_limits"].push_back(measure(no_limits(), false));
  }
  return result;
}

void add_queue(CLI::App& app) {
  struct options {
    std::string directory = std::filesystem::temp_directory_path();
    int64_t waiting = 1'000'000;
    std::vector<std::string> parts
      = {"decisions", "rebuild", "durable", "naive"};
  };
  auto chosen = std::make_shared<options>();
  auto* command = app.add_subcommand("queue", "The queue and its claims");
  command->add_option("--directory", chosen->directory,
                      "Where databases are made; its disk is measured");
  command->add_option("--waiting", chosen->waiting, "Jobs of the rebuild");
  command->add_option("--parts", chosen->parts,
                      "Of decisions, rebuild, durable, naive");
  command->callback([chosen] {
    json result{{"machine", machine()}};
    const auto needs_threads
      = [](const std::string& x) { return x == "durable"; };
    std::stable_partition(chosen->parts.begin(), chosen->parts.end(),
                          std::not_fn(needs_threads));
    for (const auto& part : chosen->parts) {
      if (part == "decisions")
        result[part] = measure_decisions();
      else if (part == "rebuild")
        result[part] = measure_rebuild(chosen->directory, chosen->waiting);
      else if (part == "durable") {
        configure_structured_logging({.level = "WARNING"}); // starts a thread
        result[part] = measure_durable(chosen->directory);
      } else if (part == "naive")
        result[part] = measure_naive_sql(chosen->directory);
    }
    std::cout << result.dump(2) << '\n';
  });
}

} // namespace tunerd::bench
