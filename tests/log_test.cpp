#include "actors/support/actor.hpp"
#include "messages/interfaces.hpp"

#include "tests/deterministic.hpp"
#include "tests/log_capture.hpp"

#include <random>
#include <stdexcept>
#include <thread>

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

constexpr logger jobs{"simpletuner.cloud.jobs"};

std::string to_text(const std::string& id,
                    const std::map<std::string, std::string>& fields) {
  auto result = id;
  for (const auto& [key, value] : fields)
    result += ' ' + key + '=' + value;
  return result;
}

/// One unit of work after another on one thread: scopes that nest, end, start
/// afresh and are left by exceptions, in random order. Each step logs what it
/// believes to be in force.
struct random_work {
  std::mt19937_64 random;
  std::string name;

  std::string word() {
    return std::to_string(random() % 4);
  }

  void run(const context& expected, int depth) {
    check(expected);
    for (auto n = random() % 4; n > 0 && depth < 6; --n) {
      try {
        random() % 3 == 0 ? afresh(depth) : nested(expected, depth);
      } catch (const std::runtime_error&) {
      }
      check(expected);
    }
    if (depth > 0 && random() % 8 == 0)
      throw std::runtime_error("broken on purpose");
  }

  void check(const context& expected) {
    const auto& id = expected.correlation_id;
    jobs.info("{}", to_text(id.empty() ? "no-work" : id, expected.fields));
  }

  void nested(context expected, int depth) {
    const auto key = "key" + word(), value = name + word();
    log_context scope{{key, value}, {"step", value}};
    expected.fields[key] = value;
    expected.fields["step"] = value;
    run(expected, depth + 1);
  }

  void afresh(int depth) {
    const context expected{name + word(), {{"job_id", name + word()}}};
    log_context scope{expected};
    run(expected, depth + 1);
  }
};

size_t wrong_lines(test::log_capture& log) {
  size_t result = 0;
  for (const auto& line : log.lines())
    result += line.message != to_text(line.correlation_id, line.extra);
  return result;
}

} // namespace

TEST_CASE("lines carry the scope they were written in", "[log][L1]") {
  test::log_capture log;
  log_context work{context{"corr-1", {{"job_id", "j1"}}}};
  {
    log_context scope{{"step", "validation"}, {"job_id", "inner"}};
    jobs.info("Validating configuration");
  }
  jobs.info("Job processing complete", {{"cost", 2.5}});
  REQUIRE(log.lines().size() == 2);
  CHECK(log.with_correlation_id("corr-1").size() == 2);
  CHECK(log.with("step", "validation")[0].extra.at("job_id") == "inner");
  CHECK(
    log.with("job_id", "j1")[0].extra
    == std::map<std::string, std::string>{{"cost", "2.5"}, {"job_id", "j1"}});
}

TEST_CASE("no line carries a field of another scope", "[log][L1]") {
  const auto seed = Catch::rngSeed();
  INFO("seed " << seed);
  test::log_capture log;
  random_work work{std::mt19937_64{seed}, "main-"};
  for (int i = 0; i < 60; ++i)
    work.run({}, 0);
  REQUIRE(log.lines().size() > 500);
  CHECK(wrong_lines(log) == 0);
  CHECK(current_context().correlation_id.empty());
}

TEST_CASE("no line carries a field of another thread", "[log][L1]") {
  const auto seed = Catch::rngSeed();
  INFO("seed " << seed);
  test::log_capture log;
  log_context outer{context{"only-here", {{"job_id", "only-here"}}}};
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < 4; ++id)
    threads.emplace_back([seed, id] {
      random_work work{std::mt19937_64{seed + id}, std::to_string(id) + '-'};
      for (int i = 0; i < 15; ++i)
        work.run({}, 0);
    });
  for (auto& thread : threads)
    thread.join();
  REQUIRE(log.lines().size() > 500);
  CHECK(wrong_lines(log) == 0);
  CHECK(log.with_correlation_id("only-here").empty());
}

TEST_CASE("every level writes under its name", "[log]") {
  test::log_capture log;
  jobs.debug("a");
  jobs.info("b");
  jobs.warning("c {}", 1);
  jobs.error("d", {{"x", true}});
  jobs.critical("e");
  CHECK(log.messages()
        == "DEBUG a\nINFO b\nWARNING c 1\nERROR d\n"
           "CRITICAL e\n");
}

TEST_CASE("lines below the level are not written", "[log]") {
  test::log_capture log{log_level::warning};
  jobs.info("a {}", 1);
  jobs.info("b", {{"x", 1}});
  jobs.warning("c");
  CHECK(!jobs.enabled(log_level::info));
  CHECK(log.messages() == "WARNING c\n");
}

TEST_CASE("an error is shown with the calls that led to it, if wanted",
          "[log]") {
  test::log_capture log;
  auto settings = current_log_settings();
  settings.include_stack_info = true;
  configure_logging(settings);
  jobs.error("Error in job polling: {}", std::runtime_error{"disk full"});
  jobs.error("no exception");
  jobs.warning("an exception: {}", std::logic_error{"x"});
  jobs.warning("neither");
  REQUIRE(log.lines().size() == 4);
  CHECK(log.lines()[0].message == "Error in job polling: disk full");
  CHECK(log.lines()[0].exception == "std::runtime_error: disk full");
  const auto has_stack = [&log](size_t i) {
    return log.lines()[i].text.find("stack_info") != std::string::npos;
  };
  CHECK(has_stack(0));
  CHECK(has_stack(1));
  CHECK(has_stack(2));
  CHECK(!has_stack(3));
}

TEST_CASE("an exception is shown with its own type", "[log]") {
  test::log_capture log;
  try {
    throw std::invalid_argument{"bad"};
  } catch (const std::exception& e) {
    jobs.error("Failed: {}", e);
  }
  CHECK(log.lines()[0].message == "Failed: bad");
  CHECK(log.lines()[0].exception == "std::invalid_argument: bad");
}

namespace {

/// Logs when it ends.
struct last_line {
  explicit last_line(std::string_view what) : text(what) {
  }
  ~last_line() {
    log_context scope{{"job_id", "late"}};
    jobs.info("{}", text);
  }
  std::string_view text;
};

} // namespace

TEST_CASE("the variables of a thread may log when they end", "[log]") {
  test::log_capture log;
  std::thread{[] {
    // Made before and after the thread's first line: they end after and
    // before what that line has made.
    static thread_local last_line first{"first"};
    detail::changeable_context().correlation_id = std::string(100, 'x');
    jobs.info("{}", first.text);
    static thread_local last_line second{"second"};
    jobs.info("{}", second.text);
  }}.join();
  CHECK(log.messages() == "INFO first\nINFO second\nINFO second\nINFO first\n");
  CHECK(log.with("job_id", "late").size() == 2);
}

TEST_CASE("a clock that logs does not spoil the line", "[log]") {
  test::log_capture log;
  auto settings = current_log_settings();
  int depth = 0;
  configure_logging(settings, [&depth] {
    if (depth++ == 0)
      jobs.info("inner {}", std::string(100, 'x'));
    return timestamp{};
  });
  jobs.info("outer");
  REQUIRE(log.lines().size() == 2);
  CHECK(log.contains("outer"));
  configure_logging(settings); // forgets the clock
}

TEST_CASE("lines of one thread keep their order, those of two do not mix",
          "[log][L1]") {
  test::log_capture log;
  constexpr int lines_each = 2'000;
  const auto work = [](const std::string& name) {
    for (int i = 0; i < lines_each; ++i) {
      const auto id = name + std::to_string(i);
      log_context scope{context{id, {{"job_id", id}}}};
      jobs.info("{}", id);
    }
  };
  std::thread a{work, "a"}, b{work, "b"};
  a.join();
  b.join();
  std::map<char, int> next;
  for (const auto& line : log.lines()) {
    const auto expected
      = line.message[0] + std::to_string(next[line.message[0]]++);
    REQUIRE(line.message == expected);
    REQUIRE(line.correlation_id == expected);
    REQUIRE(line.extra.at("job_id") == expected);
  }
  CHECK(next == std::map<char, int>{{'a', lines_each}, {'b', lines_each}});
}

TEST_CASE("a clock that throws costs the line and nobody else", "[log]") {
  test::log_capture log;
  auto settings = current_log_settings();
  const auto before = count_log_lines();
  configure_logging(settings, []() -> timestamp { throw 1; });
  jobs.error("gone");
  CHECK(count_log_lines().dropped == before.dropped + 1);
  configure_logging(settings);
  jobs.error("here");
  CHECK(log.contains("here"));
  CHECK(!log.contains("gone"));
}

// -- continuations ------------------------------------------------------------

namespace {

struct asker_state {
  static inline constexpr const char* name = "asker";
  pointer<event_listener_actor, asker_state> self;
  job_poller_actor peer;

  void on_hint(const events_appended&) {
    for (const std::string id : {"corr-1", "corr-2"})
      self->ask(
        peer, 1s, refresh_polling{{id, {{"job_id", "job-" + id}}}},
        [](const polling_status&) { jobs.info("answered"); },
        [](const caf::error&) { jobs.info("refused"); });
    jobs.info("asked");
  }
};

event_listener_actor::behavior_type
asker(pointer<event_listener_actor, asker_state> self, job_poller_actor peer) {
  self->state = {.self = self, .peer = std::move(peer)};
  return {[self](const events_appended& x) { self->state.on_hint(x); }};
}

using peer_pointer = job_poller_actor::pointer;

struct continuation_fixture : test::deterministic {
  /// What the peer answers, if anything.
  enum class kind { answer, error, silence } how = kind::answer;
  test::log_capture log;
  std::vector<caf::response_promise> kept;

  void run() {
    auto peer = spawn([this](peer_pointer me) {
      return job_poller_actor::behavior_type{
        [this, me](const refresh_polling&) -> caf::result<polling_status> {
          if (how == kind::answer)
            return polling_status{context{"of-the-answer"}};
          if (how == kind::error)
            return make_error(ec::overloaded, "busy");
          return me->make_response_promise<polling_status>();
        },
        [](const get_polling_status&) { return polling_status{}; },
        [](const poll_jobs&) { return jobs_polled{}; },
        [](const tick&) {},
      };
    });
    caf::anon_send(spawn(asker, peer), events_appended{});
    advance(2s);
  }

  void check(const std::string& text) {
    INFO(log.messages());
    REQUIRE(log.lines_with(text).size() == 2);
    for (const std::string id : {"corr-1", "corr-2"}) {
      const auto lines = log.with_correlation_id(id);
      REQUIRE(lines.size() == 1);
      CHECK(lines[0].message == text);
      CHECK(lines[0].extra.at("job_id") == "job-" + id);
    }
    CHECK(log.lines_with("asked")[0].correlation_id == "no-work");
  }
};

} // namespace

TEST_CASE_METHOD(continuation_fixture,
                 "a continuation runs in the scope of its request",
                 "[log][L1]") {
  run();
  check("answered");
}

TEST_CASE_METHOD(continuation_fixture,
                 "so does the error handler, which gets no context",
                 "[log][L1]") {
  how = kind::error;
  run();
  check("refused");
}

TEST_CASE_METHOD(continuation_fixture, "so does a timeout", "[log][L1]") {
  how = kind::silence;
  run();
  check("refused");
}
