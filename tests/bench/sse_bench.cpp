#include "tests/bench/scratch.hpp"
#include "tests/bench/sse_clients.hpp"
#include "tests/bench/sse_daemon.hpp"
#include "tests/bench/sse_subjects.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

// What it costs to tell many at once, beside nginx with nchan and a bare loop.
// Subscribers are another process on the same cores.

namespace tunerd::bench {

namespace {

using namespace std::chrono_literals;

struct options {
  std::string directory = std::filesystem::temp_directory_path();
  std::string nginx, module;
  int subscribers = 10'000;
  int live_seconds = 20;
  int burst_events = 200;
  int stalled = 100;
  int64_t replay = 1'000'000;
  bool only_daemon = false;
};

using maker = std::function<std::unique_ptr<sse_subject>()>;

constexpr int bursts = 3;

/// Of those beside the stalled ones.
constexpr int attentive = 1'000;

/// @returns what the kernel holds for all TCP sockets, both ends.
int64_t kernel_bytes() {
  std::ifstream in{"/proc/net/sockstat"};
  for (std::string word; in >> word;)
    if (word == "mem") {
      int64_t pages = 0;
      in >> pages;
      return pages * ::sysconf(_SC_PAGESIZE); // of TCP, which comes first
    }
  return 0;
}

/// @returns what the kernel holds at the server's end of its streams; -1 where
/// there is no `ss`.
int64_t kernel_bytes_of(uint16_t port) {
  const auto command
    = "ss -Htmn state established sport = :" + std::to_string(port);
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe{
    ::popen(command.c_str(), "r"), ::pclose};
  if (!pipe)
    return -1;
  int64_t total = -1;
  std::array<char, 1024> line;
  while (std::fgets(line.data(), line.size(), pipe.get()) != nullptr) {
    // skmem:(r0,rb131072,t0,tb65536,f4096,w0,o0,bl0,d0)
    const auto* memory = std::strstr(line.data(), "skmem:(r");
    const auto* rest = memory == nullptr ? nullptr : std::strstr(memory, ",f");
    const auto* queued = rest == nullptr ? nullptr : std::strstr(rest, ",w");
    if (queued != nullptr)
      total = std::max<int64_t>(total, 0) + std::atoll(memory + 8)
              + std::atoll(rest + 2) + std::atoll(queued + 2);
  }
  return total;
}

json rounded(double value, double unit) {
  return std::round(value / unit) * unit;
}

/// Ten events per second; calls `each` after each.
json measure_live(
  sse_subject& there, sse_clients& readers, int seconds,
  const std::function<void()>& each = [] {}) {
  readers.reset();
  auto next = steady::now();
  for (int i = 0; i < seconds * 10; ++i) {
    there.publish(1);
    next += 100ms;
    std::this_thread::sleep_until(next);
    each();
  }
  std::this_thread::sleep_for(500ms);
  return readers.latency_ms();
}

json measure_burst(sse_subject& there, sse_clients& readers,
                   const options& chosen) {
  const auto wanted = static_cast<uint64_t>(chosen.subscribers)
                      * static_cast<uint64_t>(chosen.burst_events);
  std::vector<double> rates;
  for (int i = 0; i <= bursts; ++i) {
    readers.reset();
    const auto took = seconds_of([&] {
      there.publish(chosen.burst_events);
      readers.await(wanted);
    });
    if (i > 0) // the first one warms up
      rates.push_back(static_cast<double>(wanted) / took);
  }
  std::sort(rates.begin(), rates.end());
  return rounded(rates[rates.size() / 2], 1'000);
}

/// @returns what `subscribers` get and cost.
json measure_many(const maker& make, const options& chosen) {
  sse_clients readers;
  const auto there = make();
  readers.connect(there->port(), there->live_path(), 10, true);
  there->publish(10); // what is made once is made now
  std::this_thread::sleep_for(200ms);
  const auto before = there->resident_bytes();
  const auto opening = seconds_of([&] {
    readers.connect(there->port(), there->live_path(), chosen.subscribers - 10,
                    true);
  });
  const auto each
    = (there->resident_bytes() - before) / (chosen.subscribers - 10);
  json result{
    {"subscribers", chosen.subscribers},
    {"connected_per_second", rounded(chosen.subscribers / opening, 1)},
    {"resident_bytes_per_subscriber", each}};
  result["live_ms"] = measure_live(*there, readers, chosen.live_seconds);
  result["burst_deliveries_per_second"]
    = measure_burst(*there, readers, chosen);
  result["resident_bytes_per_subscriber_after"]
    = (there->resident_bytes() - before) / chosen.subscribers;
  return result;
}

/// @returns what `stalled` cost and do to those who read.
json measure_stalled(const maker& make, const options& chosen) {
  sse_clients readers, others;
  const auto there = make();
  readers.connect(there->port(), there->live_path(), attentive, true);
  json result{{"stalled", chosen.stalled}, {"reading", attentive}};
  result["live_ms_before"] = measure_live(*there, readers, 5);
  const auto resident = there->resident_bytes();
  const auto kernel = kernel_bytes();
  const auto kernel_there = kernel_bytes_of(there->port());
  others.connect(there->port(), there->live_path(), chosen.stalled, false);
  constexpr int many = 4'000; // more than their sockets take
  readers.reset();
  there->publish(many);
  readers.await(static_cast<uint64_t>(many) * attentive);
  const auto began = steady::now();
  int64_t own_peak = 0, kernel_peak = 0;
  std::optional<double> cut_after;
  result["kernel_kilobytes_there"]
    = (kernel_bytes_of(there->port()) - kernel_there) / 1'000;
  result["live_ms_meanwhile"] = measure_live(*there, readers, 40, [&] {
    own_peak = std::max(own_peak, there->resident_bytes() - resident);
    kernel_peak = std::max(kernel_peak, kernel_bytes() - kernel);
    if (!cut_after && there->cut() >= chosen.stalled)
      cut_after = std::chrono::duration<double>(steady::now() - began).count();
  });
  result["resident_kilobytes"] = own_peak / 1'000;
  result["kernel_kilobytes_both_ends"] = kernel_peak / 1'000;
  result["kernel_kilobytes_at_the_end"] = (kernel_bytes() - kernel) / 1'000;
  result["cut_after_seconds"]
    = cut_after ? rounded(*cut_after, 0.1) : json(nullptr);
  return result;
}

/// @returns what it takes one subscriber to get everything there is.
json measure_replay(const maker& make, const options& chosen) {
  sse_clients reader;
  const auto there = make();
  if (there->replay_path().empty())
    return nullptr;
  there->remember(chosen.replay);
  reader.connect(there->port(), there->live_path(), 1, true);
  std::this_thread::sleep_for(2s); // it has seen that there is more
  reader.reset();
  const auto before = there->resident_bytes();
  int64_t peak = before;
  const auto took = seconds_of([&] {
    reader.connect(there->port(), there->replay_path(), 1, true);
    const auto total = static_cast<uint64_t>(chosen.replay);
    for (auto seen = total / 100; seen <= total; seen += total / 100) {
      reader.await(seen);
      peak = std::max(peak, there->resident_bytes());
    }
  });
  return {{"events", chosen.replay},
          {"events_per_second",
           rounded(static_cast<double>(chosen.replay) / took, 100)},
          {"grown_kilobytes", (peak - before) / 1'000}};
}

/// @returns what `work` returns, done by a process of its own: there are no
/// threads when it begins, and what it leaves behind counts for nobody else.
json apart(const std::function<json()>& work) {
  int ends[2];
  if (::pipe(ends) != 0)
    throw std::runtime_error("cannot make a pipe");
  const auto process = ::fork();
  if (process == 0) {
    json result;
    try {
      result = work();
    } catch (const std::exception& e) {
      result = {{"failed", e.what()}};
    }
    const auto text = result.dump();
    const auto written = ::write(ends[1], text.data(), text.size());
    ::_exit(written < 0 ? 1 : 0);
  }
  ::close(ends[1]);
  std::string text;
  std::array<char, 4096> part;
  for (ssize_t n; (n = ::read(ends[0], part.data(), part.size())) > 0;)
    text.append(part.data(), static_cast<size_t>(n));
  ::close(ends[0]);
  ::waitpid(process, nullptr, 0);
  const auto result = json::parse(text, nullptr, false);
  return result.is_discarded() ? json{{"failed", "ended early"}} : result;
}

json measure(const maker& make, const options& chosen) {
  json result;
  result["many"] = apart([&] { return measure_many(make, chosen); });
  if (chosen.stalled > 0)
    result["stalled"] = apart([&] { return measure_stalled(make, chosen); });
  if (chosen.replay > 0)
    result["replay"] = apart([&] { return measure_replay(make, chosen); });
  return result;
}

json measure_daemon(const options& chosen) {
  return apart([&] {
    return measure_sse_daemon({.directory = chosen.directory,
                               .subscribers = chosen.subscribers,
                               .stalled = chosen.stalled,
                               .live_seconds = chosen.live_seconds});
  });
}

/// Each end of each stream is a descriptor, in processes of their own.
void allow_descriptors(options& chosen) {
  rlimit limit = {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const auto room = static_cast<int64_t>(limit.rlim_cur) - 200;
  chosen.subscribers
    = static_cast<int>(std::min<int64_t>(chosen.subscribers, room));
}

void run(options chosen) {
  allow_descriptors(chosen);
  json result{{"machine", machine()}, {"event_bytes", sse_event_bytes}};
  result["daemon"] = measure_daemon(chosen);
  if (chosen.only_daemon) {
    std::cout << result.dump(2) << '\n';
    return;
  }
  result["tunerd"] = measure(make_tunerd_streams, chosen);
  auto bare = chosen;
  bare.stalled = 0; // it would wait for them
  bare.replay = 0;
  result["loop"] = measure(make_raw_streams, bare);
  if (chosen.nginx.empty() || chosen.module.empty()) {
    result["nchan"] = "not asked for: --nginx and --nchan";
  } else {
    const scratch place{chosen.directory};
    result["nchan"] = measure(
      [&] {
        return make_nchan_streams(place.path(), chosen.nginx, chosen.module);
      },
      chosen);
  }
  std::cout << result.dump(2) << '\n';
}

} // namespace

void add_sse(CLI::App& app) {
  auto chosen = std::make_shared<options>();
  auto* command = app.add_subcommand("sse", "Events to many subscribers");
  command->add_option("--subscribers", chosen->subscribers,
                      "At most what the limit of open files leaves");
  command->add_option("--seconds", chosen->live_seconds,
                      "Of ten events each, to all");
  command->add_option("--burst", chosen->burst_events, "At once, to all");
  command->add_option("--stalled", chosen->stalled, "Who do not read; 0: none");
  command->add_option("--replay", chosen->replay, "Events to one; 0: none");
  command->add_option("--nginx", chosen->nginx, "Path of nginx");
  command->add_option("--nchan", chosen->module, "Path of its module nchan");
  command->add_option("--directory", chosen->directory,
                      "For nginx's files and tunerd's database");
  command->add_flag("--only-daemon", chosen->only_daemon,
                    "Only what others wait for the whole daemon meanwhile");
  command->callback([chosen] { run(*chosen); });
}

} // namespace tunerd::bench
