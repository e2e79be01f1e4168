#include "actors/log_sink/log_sink.hpp"

#include "actors/support/log_drain.hpp"
#include "actors/support/log_thread.hpp"

#include "tests/deterministic.hpp"
#include "tests/log_capture.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace tunerd;
namespace fs = std::filesystem;

namespace {

constexpr logger jobs{"simpletuner.cloud.jobs"};

std::string content(const fs::path& path) {
  std::ostringstream result;
  result << std::ifstream{path}.rdbuf();
  return result.str();
}

/// A directory of its own, gone with the test.
struct directory {
  directory() {
    auto name = (fs::temp_directory_path() / "tunerd-log-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~directory() {
    fs::remove_all(path);
  }
  fs::path path;
};

/// What the process writes to stderr while it lives.
struct stderr_capture {
  explicit stderr_capture(const fs::path& file)
    : path(file), before(::dup(STDERR_FILENO)) {
    redirect(::creat(path.c_str(), 0600));
  }
  ~stderr_capture() {
    redirect(before);
  }
  static void redirect(int fd) {
    ::dup2(fd, STDERR_FILENO);
    ::close(fd);
  }
  fs::path path;
  int before;
};

/// The log goes to a file, as text without times that differ.
struct log_file_fixture {
  log_file_fixture() {
    take_log_lines();
    configure();
  }
  ~log_file_fixture() {
    configure_logging(before);
  }
  void configure() {
    configure_logging({.json_output = false,
                       .file = file,
                       .console_fd = -1,
                       .correlation_id = "no-work"});
  }
  /// The messages in the file, separated by blanks.
  std::string written() const {
    return written_to(file);
  }
  static std::string written_to(const fs::path& path) {
    std::istringstream in{content(path)};
    std::string result;
    for (std::string line; std::getline(in, line);)
      result += line.substr(line.rfind(": ") + 2) + ' ';
    return result;
  }
  directory dir;
  std::string file = dir.path / "tunerd.log";
  log_settings before = current_log_settings();
};

struct sink_fixture : log_file_fixture, test::deterministic {
  log_sink_actor aut = spawn(log_sink);

  void kill(const log_sink_actor& sink) {
    caf::anon_send_exit(sink, caf::exit_reason::kill);
    settle();
  }
};

} // namespace

// -- the drain ----------------------------------------------------------------

TEST_CASE("a log file is appended to, not truncated", "[log_sink][L4]") {
  directory dir;
  const auto file = dir.path / "x.log";
  for (const auto* line : {"one\n", "two\n"})
    log_drain{-1, {.path = file}}.write(line);
  CHECK(content(file) == "one\ntwo\n");
  CHECK((fs::status(file).permissions() & fs::perms::others_all)
        == fs::perms::none);
}

TEST_CASE("a moved log file is opened again by its name", "[log_sink]") {
  directory dir;
  const auto file = dir.path / "x.log", moved = dir.path / "x.log.old";
  log_drain aut{-1, {.path = file}};
  aut.write("one\n");
  fs::rename(file, moved);
  aut.write("two\n");
  aut.reopen();
  aut.write("three\n");
  CHECK(content(moved) == "one\ntwo\n");
  CHECK(content(file) == "three\n");
}

TEST_CASE("a log file is rotated at its size", "[log_sink]") {
  directory dir;
  const auto file = dir.path / "x.log";
  log_drain aut{-1, {.path = file, .rotate_bytes = 8, .rotated_max = 2}};
  for (const auto* line : {"one\n", "two\n", "three..\n", "four...\n", "5\n"})
    aut.write(line);
  CHECK(content(file) == "5\n");
  CHECK(content(file.string() + ".1") == "four...\n");
  CHECK(content(file.string() + ".2") == "three..\n");
  CHECK(!fs::exists(file.string() + ".3"));
}

TEST_CASE("a full disk is said once and costs only the file", "[log_sink]") {
  test::log_capture log;
  directory dir;
  const auto errors = dir.path / "stderr", console = dir.path / "stdout";
  const auto fd = ::creat(console.c_str(), 0600);
  {
    stderr_capture redirected{errors};
    log_drain aut{fd, {.path = "/dev/full"}};
    aut.write("one\ntwo\n");
    aut.write("three\n");
    CHECK(aut.lost() == 3);
  }
  ::close(fd);
  CHECK(content(console) == "one\ntwo\nthree\n");
  CHECK(content(errors) == "one\ntwo\n");
  CHECK(log.messages()
        == "ERROR Cannot write the log to /dev/full: "
           "No space left on device\n");
}

TEST_CASE("a broken pipe is an error, not the end of the program",
          "[log_sink]") {
  test::log_capture log;
  directory dir;
  stderr_capture redirected{dir.path / "stderr"};
  auto* const action = std::signal(SIGPIPE, SIG_DFL);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  {
    log_drain aut{ends[1], {.path = dir.path / "x.log"}};
    ::close(ends[0]);
    aut.write("one\n");
    aut.write("two\n");
    CHECK(aut.lost() == 2);
  }
  ::close(ends[1]);
  sigset_t pending;
  sigpending(&pending);
  CHECK(sigismember(&pending, SIGPIPE) == 0);
  std::signal(SIGPIPE, action);
  CHECK(content(dir.path / "x.log") == "one\ntwo\n");
  CHECK(log.messages()
        == "ERROR Cannot write the log to stdout: Broken pipe\n");
}

TEST_CASE("a log file that works again says what is missing", "[log_sink]") {
  test::log_capture log;
  directory dir;
  const auto file = dir.path / "later" / "x.log";
  stderr_capture redirected{dir.path / "stderr"};
  log_drain aut{-1, {.path = file}};
  aut.write("one\n");
  CHECK(log.contains("ERROR", "No such file or directory"));
  fs::create_directory(file.parent_path());
  aut.write("two\n");
  CHECK(content(file) == "two\n");
  CHECK(log.contains("WARNING", "again, 1 lines are missing"));
}

TEST_CASE("a line cut by a failure does not spoil the next", "[log_sink]") {
  test::log_capture log;
  directory dir;
  stderr_capture redirected{dir.path / "stderr"};
  const auto file = dir.path / "x.log";
  log_drain aut{-1, {.path = file}};
  rlimit before = {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto* const action = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{6, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  aut.write("one\ntwo\nthree\n");
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, action);
  aut.write("four\n");
  CHECK(content(file) == "one\ntw\nfour\n");
  CHECK(aut.lost() == 2);
}

namespace {

const log_output* half_written = nullptr;
constexpr std::string_view three_lines = "one\ntwo\nthree\n";

/// Comes in the middle of a write, as a fatal signal may.
void complete(int) {
  rlimit limit = {};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  half_written->write_rest(three_lines);
}

} // namespace

TEST_CASE("a fatal signal completes a file that is half written",
          "[log_sink]") {
  directory dir;
  const auto file = dir.path / "x.log";
  std::ofstream{file} << "before\n";
  const auto fd = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  log_output aut{fd};
  half_written = &aut;
  stderr_capture redirected{dir.path / "stderr"};
  rlimit limit = {};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  auto* const action = std::signal(SIGXFSZ, complete);
  const auto before = std::exchange(limit.rlim_cur, 12);
  ::setrlimit(RLIMIT_FSIZE, &limit);
  aut.begin();
  aut.write(three_lines); // gets the signal after five bytes
  limit.rlim_cur = before;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, action);
  CHECK(content(file) == "before\none\ntwo\nthree\n");
  aut.write_rest(three_lines); // there is none now
  aut.begin();
  aut.write_rest("four\n");
  CHECK(content(file) == "before\none\ntwo\nthree\nfour\n");
  ::close(fd);
}

TEST_CASE("a pipe gets all bytes in order, in pieces", "[log_sink]") {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  std::string sent, received(300'000, '\0');
  while (sent.size() < received.size())
    sent += std::to_string(sent.size()) + '\n';
  received.resize(sent.size());
  std::thread reader{[&] {
    for (size_t done = 0; done < received.size();) {
      const auto n = ::read(ends[0], &received[done],
                            std::min<size_t>(1'000, received.size() - done));
      if (n <= 0)
        return;
      done += static_cast<size_t>(n);
    }
  }};
  log_drain aut{ends[1], {}};
  aut.write(sent);
  reader.join();
  CHECK(aut.lost() == 0);
  CHECK(received == sent);
  ::close(ends[0]);
  ::close(ends[1]);
}

// -- the sink -----------------------------------------------------------------

// No clock moves here: nothing waits for more lines, or for an ERROR.
TEST_CASE_METHOD(sink_fixture, "the sink writes at once what is logged",
                 "[log_sink]") {
  jobs.info("before"); // it has not even started
  settle();
  jobs.info("one");
  jobs.info("two");
  CHECK(written() == "before ");
  settle();
  CHECK(written() == "before one two ");
}

TEST_CASE_METHOD(sink_fixture, "any number of lines wake the sink once",
                 "[log_sink]") {
  settle();
  for (int i = 0; i < 10; ++i)
    jobs.info("line");
  CHECK(sched.try_run_once());
  CHECK(!sched.try_run_once());
}

TEST_CASE_METHOD(sink_fixture, "the sink opens a moved file again",
                 "[log_sink]") {
  settle();
  jobs.info("one");
  settle();
  fs::rename(file, file + ".old");
  jobs.info("two");
  caf::anon_send(aut, reopen_log{});
  settle();
  jobs.info("three");
  settle();
  CHECK(content(file + ".old").find("two") != std::string::npos);
  CHECK(written() == "three ");
}

TEST_CASE_METHOD(sink_fixture, "no line is lost on a restart of the sink",
                 "[log_sink][L6]") {
  settle();
  jobs.info("one");
  kill(aut);
  CHECK(written() == "one ");
  jobs.info("two");
  settle();
  CHECK(written() == "one ");
  auto next = spawn(log_sink);
  settle();
  CHECK(written() == "one two ");
  jobs.info("three");
  settle();
  CHECK(written() == "one two three ");
}

TEST_CASE_METHOD(sink_fixture, "a sink that ends late does not stop the next",
                 "[log_sink]") {
  settle();
  auto next = spawn(log_sink);
  settle();
  kill(aut);
  jobs.info("one");
  settle();
  CHECK(written() == "one ");
}

TEST_CASE_METHOD(sink_fixture, "the last lines of a shutdown are written",
                 "[log_sink]") {
  settle();
  kill(aut);
  jobs.info("Background tasks stopped");
  drain_log();
  CHECK(written() == "Background tasks stopped ");
}

TEST_CASE_METHOD(log_file_fixture, "a wake-up may end the driver",
                 "[log_sink]") {
  auto driver = std::make_unique<log_driver>([] {});
  driver = std::make_unique<log_driver>([&] { driver.reset(); });
  jobs.info("one");
  CHECK(!driver);
  CHECK(written() == "one ");
}

TEST_CASE_METHOD(log_file_fixture, "lines go where they were logged for",
                 "[log_sink][L4]") {
  for (int i = 0; i < 100; ++i) { // as embedded daemons start and stop
    jobs.info("{}", i);
    const auto logged_for = std::exchange(file, dir.path / std::to_string(i));
    configure();
    CHECK(written_to(logged_for) == std::to_string(i) + ' ');
    CHECK(written().empty());
  }
}

TEST_CASE_METHOD(log_file_fixture, "drops are said in a line", "[log_sink]") {
  const auto dropped = count_log_lines().dropped;
  while (count_log_lines().dropped == dropped)
    jobs.info("{}", std::string(10'000, 'x'));
  CHECK(count_log_lines().dropped == dropped + 1);
  drain_log();
  const auto text = content(file);
  CHECK(text.find("[WARNING] simpletuner.cloud.tasks (no-work): Dropped 1 log "
                  "lines, the buffer was full")
        != std::string::npos);
}

TEST_CASE_METHOD(log_file_fixture, "a thread writes where no daemon runs",
                 "[log_sink]") {
  {
    log_thread aut;
    for (int i = 0; i < 1'000; ++i)
      jobs.info("{}", i);
  }
  std::string expected;
  for (int i = 0; i < 1'000; ++i)
    expected += std::to_string(i) + ' ';
  CHECK(written() == expected);
}

TEST_CASE_METHOD(log_file_fixture,
                 "rotation under load loses and doubles "
                 "nothing",
                 "[log_sink]") {
  constexpr int threads = 3, lines_each = 3'000;
  // Nothing is deleted: the order of the files is that of the lines.
  auto settings = current_log_settings();
  settings.rotate_bytes = 20'000;
  settings.rotate_daily = true;
  settings.rotated_max = 1'000;
  std::atomic<int64_t> now_ms{0};
  configure_logging(settings, [&now_ms] {
    return timestamp{std::chrono::milliseconds{now_ms += 100'000}};
  });
  std::vector<std::thread> producers;
  for (int id = 0; id < threads; ++id)
    producers.emplace_back([id] {
      for (int i = 0; i < lines_each; ++i) {
        jobs.info("{}/{}", id, i);
        if (i % 50 == 0)
          drain_log(); // a batch is not cut
      }
    });
  for (auto& producer : producers)
    producer.join();
  configure_logging(before);
  int files = 0;
  std::string all;
  while (fs::exists(file + '.' + std::to_string(files + 1)))
    ++files;
  for (int i = files; i > 0; --i)
    all += written_to(file + '.' + std::to_string(i));
  all += written();
  CHECK(files > 3);
  std::istringstream in{all};
  std::vector<int> next(threads, 0);
  char slash = 0;
  for (int id = 0, i = 0; in >> id >> slash >> i;)
    REQUIRE(next.at(static_cast<size_t>(id))++ == i);
  CHECK(next == std::vector<int>(threads, lines_each));
}

TEST_CASE_METHOD(log_file_fixture, "a line of the largest size finds room",
                 "[log_sink]") {
  jobs.info("{}", std::string(10'000'000, '\1'));
  drain_log();
  CHECK(content(file).ends_with(" bytes cut]\n"));
}
