#include "actors/support/log_core.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/log_subjects.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <new>
#include <thread>
#include <unistd.h>

// -- how many allocations a thread makes --------------------------------------

namespace {

constinit thread_local uint64_t allocations = 0;

} // namespace

void* operator new(size_t bytes) {
  ++allocations;
  if (void* result = std::malloc(bytes))
    return result;
  throw std::bad_alloc{};
}

void operator delete(void* where) noexcept {
  std::free(where);
}

void operator delete(void* where, size_t) noexcept {
  std::free(where);
}

namespace tunerd::bench {

namespace {

namespace fs = std::filesystem;

constexpr logger quiet{"simpletuner.cloud.jobs"};

/// Where the subjects write; gone at the end.
struct scratch {
  scratch() : path(fs::temp_directory_path() / "tunerd-bench-XXXXXX") {
    auto name = path.string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error{"cannot make " + name};
    path = name;
  }
  ~scratch() {
    configure_logging({.console_fd = -1}); // closes the file
    fs::remove_all(path);
  }
  std::string file() const {
    return path / "bench.log";
  }
  fs::path path;
};

uint64_t lines_in(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  std::vector<char> block(1 << 20);
  uint64_t result = 0;
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())),
         in.gcount() > 0)
    result += static_cast<uint64_t>(
      std::count(block.data(), block.data() + in.gcount(), '\n'));
  return result;
}

uint64_t size_of(const std::string& file) {
  std::error_code none;
  const auto result = fs::file_size(file, none);
  return none ? 0 : result;
}

/// One candidate, measured again and again with a fresh file.
class measurement {
public:
  measurement(const log_candidate& what, std::string file)
    : what_(what), file_(std::move(file)) {
    constexpr uint64_t lines = 1'000;
    fresh()->log(lines);
    line_bytes_ = size_of(file_) / lines;
  }

  /// What a line costs its caller, in nanoseconds: means of batches, so that
  /// the clock costs nothing. The writer works meanwhile and keeps up.
  json caller() {
    constexpr uint64_t batches = 10'000, batch = 200;
    const auto subject = fresh();
    std::vector<double> samples;
    samples.reserve(batches);
    subject->log(batch);
    for (uint64_t i = 1; i <= batches; ++i) {
      samples.push_back(seconds_of([&] { subject->log(batch); }) * 1e9
                        / double{batch});
      wait_for_file(i * batch, 1 << 18);
    }
    return {{"nanoseconds", percentiles(samples)},
            {"allocations_per_line", allocations_per_line(*subject)},
            {"dropped", subject->dropped()}};
  }

  /// @param paced Whether threads wait for the file, so that nothing is
  ///        dropped where nobody waits by itself.
  json flood(unsigned threads, uint64_t lines, bool paced) {
    constexpr uint64_t batch = 1'000;
    auto subject = fresh();
    uint64_t dropped = 0;
    std::atomic<uint64_t> sent{0};
    const auto seconds = seconds_of([&] {
      std::vector<std::thread> producers;
      for (unsigned i = 0; i < threads; ++i)
        producers.emplace_back([&] {
          for (uint64_t done = 0; done < lines / threads; done += batch) {
            subject->log(batch);
            sent += batch;
            if (paced)
              wait_for_file(sent, 1 << 21);
          }
        });
      for (auto& producer : producers)
        producer.join();
      dropped = subject->dropped();
      subject.reset(); // writes the rest
    });
    const auto arrived = lines_in(file_);
    return {{"logged", sent.load()},
            {"in_file", arrived},
            {"dropped", dropped},
            {"in_file_per_second",
             static_cast<uint64_t>(static_cast<double>(arrived) / seconds)}};
  }

private:
  /// Without those of what is made once for any number of lines.
  static double allocations_per_line(log_subject& subject) {
    constexpr uint64_t lines = 1'000;
    const auto cost = [&](uint64_t count) {
      const auto before = allocations;
      subject.log(count);
      return static_cast<double>(allocations - before);
    };
    return (cost(2 * lines) - cost(lines)) / lines;
  }

  std::unique_ptr<log_subject> fresh() {
    fs::remove(file_);
    return what_.make(file_);
  }

  void wait_for_file(uint64_t lines, uint64_t bytes_behind) const {
    while (lines * line_bytes_ > size_of(file_) + bytes_behind)
      std::this_thread::yield();
  }

  const log_candidate& what_;
  std::string file_;
  uint64_t line_bytes_ = 0;
};

json measure(const log_candidate& what, const std::string& file,
             uint64_t lines) {
  std::cerr << what.name << '\n';
  measurement aut{what, file};
  json result{{"caller", aut.caller()}};
  for (const unsigned threads : {1, 2}) {
    const auto name = "threads_" + std::to_string(threads);
    result[name] = aut.flood(threads, lines, false);
    if (result[name]["dropped"] > 0)
      result[name + "_paced"] = aut.flood(threads, lines, true);
  }
  return result;
}

/// Nanoseconds that a DEBUG line costs while INFO is written.
json suppressed() {
  constexpr int calls = 20'000'000;
  const auto cost = [](const auto& call) {
    return seconds_of([&] {
             for (int i = 0; i < calls; ++i) {
               call(i);
               asm volatile("" ::: "memory");
             }
           })
           * 1e9 / calls;
  };
  const std::string id = "job-1";
  const auto measure_all = [&] {
    return json{
      {"empty_loop", cost([](int) {})},
      {"text", cost([](int) { quiet.debug("Synced"); })},
      {"two_arguments",
       cost([&](int i) { quiet.debug("Job {} of {}", id, i); })},
      {"two_fields", cost([&](int i) {
         quiet.debug("Job", {{"job_id", id}, {"attempt", int64_t{i}}});
       })}};
  };
  configure_logging({.console_fd = -1});
  json result{{"one_level", measure_all()}};
  configure_logging({.levels = {{"simpletuner.cloud.http", log_level::debug}},
                     .console_fd = -1});
  result["another_name_has_debug"] = measure_all();
  return result;
}

/// Resident memory of the process in KiB; `key` is VmRSS or VmHWM.
uint64_t memory_kib(const std::string& key) {
  std::ifstream in{"/proc/self/status"};
  for (std::string word; in >> word;)
    if (uint64_t value = 0; word == key + ':' && in >> value)
      return value;
  return 0;
}

/// What a flood does to the memory.
json memory(const std::string& file, uint64_t lines) {
  std::cerr << "memory\n";
  const auto before = memory_kib("VmRSS");
  measurement aut{log_candidates()[0], file};
  auto result = aut.flood(2, lines, false);
  result["rss_before_kib"] = before;
  result["rss_after_kib"] = memory_kib("VmRSS");
  result["rss_peak_kib"] = memory_kib("VmHWM");
  return result;
}

void run(uint64_t lines, uint64_t flood, const std::string& only) {
  const scratch dir;
  json result{{"machine", machine()}};
  if (flood > 0) // first: what comes later may leave memory behind
    result["memory_under_flood"] = memory(dir.file(), flood);
  result["suppressed_debug_nanoseconds"] = suppressed();
  for (const auto& what : log_candidates())
    if (only.empty() || what.name == only)
      result[what.name] = measure(what, dir.file(), lines);
  std::cout << result.dump(2) << '\n';
}

} // namespace

void add_log(CLI::App& app) {
  auto* log = app.add_subcommand(
    "log", "The log beside spdlog and nlohmann::json, into a file");
  auto lines = std::make_shared<uint64_t>(3'000'000);
  auto flood = std::make_shared<uint64_t>(10'000'000);
  auto only = std::make_shared<std::string>();
  log->add_option("--lines", *lines, "Of each throughput")
    ->capture_default_str();
  log->add_option("--flood", *flood, "Lines for the memory, 0: none")
    ->capture_default_str();
  log->add_option("--only", *only, "One candidate");
  log->callback([=] { run(*lines, *flood, *only); });
}

} // namespace tunerd::bench
