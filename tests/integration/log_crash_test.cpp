// Processes that die while they log: what was accepted before is in the file,
// once and in order.

#include "actors/support/log_core.hpp"
#include "actors/support/log_crash.hpp"
#include "actors/support/log_thread.hpp"
#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace tunerd;
using nlohmann::json;
using test::scratch;

namespace {

constexpr logger jobs{"simpletuner.cloud.jobs"};
constexpr int producers = 2;
/// All of them find room, even if nobody writes.
constexpr int lines_max = 5'000;

/// Lines that the log had accepted; seen by both processes.
struct progress {
  std::array<std::atomic<int>, producers> accepted;
  /// Right before it died: the other threads go on.
  std::array<std::atomic<int>, producers> at_death;
};

progress* shared_progress() {
  void* memory = ::mmap(nullptr, sizeof(progress), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return new (memory) progress{};
}

/// Makes the process as it would be without the handlers of the test framework
/// and of sanitizers.
void forget_handlers() {
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    std::signal(number, SIG_DFL);
  stack_t none = {};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
}

/// Runs `work` in a process that logs into `file`. @returns how it ended, as
/// waitpid says it.
template <class Work>
int in_child(const std::string& file, Work work) {
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    forget_handlers();
    // std::terminate and sanitizers are talkative.
    ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
    configure_logging(
      {.file = file, .console_fd = -1, .correlation_id = "no-work"});
    install_crash_handlers();
    work();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

bool died_of(int status, int number) {
  return WIFSIGNALED(status) && WTERMSIG(status) == number;
}

std::vector<json> lines_of(const std::string& file) {
  std::vector<json> result;
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);)
    result.push_back(json::parse(line));
  return result;
}

/// Numbered lines of several threads, until there are enough of them.
void log_and_die(progress& done, void (*die)()) {
  const log_thread writer;
  std::vector<std::thread> threads;
  for (int id = 0; id < producers; ++id)
    threads.emplace_back([&done, id] {
      for (int i = 0; i < lines_max; ++i) {
        jobs.info("line", {{"producer", id}, {"number", i}});
        done.accepted[static_cast<size_t>(id)] = i + 1;
      }
    });
  while (done.accepted[0] + done.accepted[1] < lines_max / 2)
    std::this_thread::yield();
  log_context scope{context{"corr-1", {{"job_id", "deadly"}}}};
  for (size_t id = 0; id < producers; ++id)
    done.at_death[id] = done.accepted[id].load();
  die();
  for (auto& thread : threads)
    thread.join();
}

/// @returns how many numbered lines of each producer are there.
std::array<int, producers> count_in_order(const std::vector<json>& lines) {
  std::array<int, producers> next{};
  for (const auto& line : lines) {
    if (line["message"] != "line")
      continue;
    auto& expected = next.at(line["extra"]["producer"].get<size_t>());
    REQUIRE(line["extra"]["number"] == expected);
    ++expected;
  }
  return next;
}

void write_where_nobody_may() {
  void* page
    = ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *static_cast<volatile char*>(page) = 1;
}

[[gnu::noinline]] int overflow(int depth) {
  volatile char big[4096];
  big[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : overflow(depth + 1) + big[0];
}

template <class T>
void fail(T with) {
  throw with;
}

struct death {
  std::string name;
  void (*die)();
  int signal;
  std::string message;
  std::string exception = {};
};

const death deaths[] = {
  {"a fault", write_where_nobody_may, SIGSEGV, "Fatal signal SIGSEGV"},
  {"a stack overflow", [] { overflow(0); }, SIGSEGV, "Fatal signal SIGSEGV"},
  {"an illegal instruction", [] { __builtin_trap(); }, SIGILL,
   "Fatal signal SIGILL"},
  {"SIGBUS", [] { ::raise(SIGBUS); }, SIGBUS, "Fatal signal SIGBUS"},
  {"SIGFPE", [] { ::kill(::getpid(), SIGFPE); }, SIGFPE, "Fatal signal SIGFPE"},
  {"abort", [] { std::abort(); }, SIGABRT, "Fatal signal SIGABRT"},
  {"an uncaught exception",
   []() noexcept { fail(std::runtime_error{"disk full"}); }, SIGABRT,
   "Terminating on an uncaught exception: disk full",
   "std::runtime_error: disk full"},
  {"an uncaught number", []() noexcept { fail(1); }, SIGABRT,
   "Terminating on an uncaught exception: not a std::exception",
   "int: not a std::exception"},
  {"std::terminate", [] { std::terminate(); }, SIGABRT,
   "Terminating without an exception"}};

} // namespace

TEST_CASE("a process that dies loses no line that was accepted",
          "[integration][log]") {
  auto& done = *shared_progress();
  for (const auto& how : deaths) {
    INFO(how.name);
    scratch dir;
    const auto file = dir.path + "/tunerd.log";
    for (auto& count : done.accepted)
      count = 0;
    const auto status = in_child(file, [&] { log_and_die(done, how.die); });
    CHECK(died_of(status, how.signal));
    const auto lines = lines_of(file);
    const auto found = count_in_order(lines);
    for (size_t id = 0; id < producers; ++id)
      CHECK(found[id] >= done.at_death[id]);
    const auto last = std::find_if(lines.begin(), lines.end(), [](auto& x) {
      return x["level"] == "CRITICAL";
    });
    REQUIRE(last != lines.end());
    CHECK((*last)["message"] == how.message);
    CHECK((*last)["correlation_id"] == "corr-1");
    CHECK((*last)["extra"]["job_id"] == "deadly");
    CHECK(last->value("exception", "") == how.exception);
    CHECK(std::count_if(lines.begin(), lines.end(),
                        [](auto& x) { return x["level"] == "CRITICAL"; })
          == 1);
  }
}

namespace {

/// A log file that takes 64 KiB and then waits for its reader.
struct slow_file {
  explicit slow_file(const scratch& dir) : path(dir.path + "/fifo") {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  }
  ~slow_file() {
    ::close(fd);
  }
  bool full() const {
    int bytes = 0;
    return ::ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 60'000;
  }
  /// @returns what comes until all writers are gone.
  std::string read_all() const {
    ::fcntl(fd, F_SETFL, 0);
    std::string result, page(4096, '\0');
    for (ssize_t n = 0; (n = ::read(fd, page.data(), page.size())) > 0;)
      result.append(page, 0, static_cast<size_t>(n));
    return result;
  }
  std::string path;
  int fd;
};

constexpr int many_lines = 1'500; // over 300 KB

void log_numbers(int from, int to) {
  for (int i = from; i < to; ++i)
    jobs.info("line", {{"producer", 0}, {"number", i}});
}

/// A process that dies while a batch is half written.
template <class Work>
std::vector<json> die_while_writing(Work work) {
  scratch dir;
  const slow_file file{dir};
  auto& done = *shared_progress();
  std::string text;
  std::thread reader{[&] {
    test::eventually([&] { return file.full() && done.at_death[0] != 0; });
    if (done.at_death[0] > 1)
      ::kill(done.at_death[0], SIGABRT);
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    text = file.read_all();
  }};
  const auto status = in_child(file.path, [&] { work(done.at_death[0]); });
  reader.join();
  CHECK(died_of(status, SIGABRT));
  std::ofstream{dir.path + "/text"} << text;
  return lines_of(dir.path + "/text");
}

} // namespace

TEST_CASE("a signal in the thread that writes loses and doubles no line",
          "[integration][log]") {
  const auto lines = die_while_writing([](auto& ready) {
    log_numbers(0, many_lines);
    ready = ::getpid(); // to be killed when the file is full
    drain_log();
  });
  CHECK(count_in_order(lines)[0] == many_lines);
  CHECK(lines.back()["message"] == "Fatal signal SIGABRT");
}

TEST_CASE("a thread that dies lets the one that writes come to an end",
          "[integration][log]") {
  const auto lines = die_while_writing([](auto& ready) {
    log_numbers(0, many_lines);
    const log_thread writer;
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    log_numbers(many_lines, 2 * many_lines);
    ready = 1;
    std::abort();
  });
  CHECK(count_in_order(lines)[0] == 2 * many_lines);
  CHECK(lines.back()["message"] == "Fatal signal SIGABRT");
}

TEST_CASE("who had a handler before still gets the signal",
          "[integration][log]") {
  scratch dir;
  const auto child = ::fork();
  if (child == 0) {
    configure_logging({.file = dir.path + "/tunerd.log", .console_fd = -1});
    std::signal(SIGABRT, [](int) { ::_exit(77); });
    install_crash_handlers();
    std::abort();
  }
  int ended = 0;
  ::waitpid(child, &ended, 0);
  CHECK(WEXITSTATUS(ended) == 77);
}

namespace {

struct logs_at_the_end {
  ~logs_at_the_end() {
    jobs.info("from a destructor");
  }
};

} // namespace

TEST_CASE("what static objects log at the end is written",
          "[integration][log]") {
  scratch dir;
  const auto file = dir.path + "/tunerd.log";
  const auto child = ::fork();
  if (child == 0) {
    static const logs_at_the_end early; // ends after the log is flushed
    configure_logging({.file = file, .console_fd = -1});
    static const log_thread writer;
    std::exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  REQUIRE(lines_of(file).size() == 1);
  CHECK(lines_of(file)[0]["message"] == "from a destructor");
}

TEST_CASE("a million lines of two threads never mix", "[integration][log]") {
  scratch dir;
  const auto file = dir.path + "/tunerd.log";
  constexpr int lines_each = 500'000;
  const auto status = in_child(file, [] {
    std::atomic<uint64_t> ahead{0};
    auto settings = current_log_settings();
    settings.rotate_bytes = 0;
    configure_logging(settings);
    const auto work = [&](const std::string& name) {
      for (int i = 0; i < lines_each; ++i) {
        const auto id = name + std::to_string(i);
        log_context scope{context{id, {{"job_id", id}}}};
        jobs.info("{}", id);
        if (++ahead % 5'000 == 0)
          drain_log(); // so that none is dropped
      }
    };
    std::thread a{work, "a"}, b{work, "b"};
    a.join();
    b.join();
    drain_log();
  });
  CHECK(status == 0);
  std::ifstream in{file};
  std::array<int, 2> next{};
  for (std::string line; std::getline(in, line);) {
    // Parsing JSON a million times takes a minute.
    const auto at = line.find("\"message\": \"") + 12;
    auto& number = next.at(line.at(at) == 'a' ? 0 : 1);
    const auto id = line[at] + std::to_string(number++);
    const auto ends = ", \"extra\": {\"job_id\": \"" + id + "\"}}";
    const auto has = "\"" + id + "\", \"correlation_id\": \"" + id + "\", ";
    if (line.compare(at - 1, has.size(), has) != 0 || !line.ends_with(ends))
      FAIL(line);
  }
  CHECK(next == std::array<int, 2>{lines_each, lines_each});
}
