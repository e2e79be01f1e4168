#include "actors/support/log_buffer.hpp"
#include "actors/support/log_output.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fcntl.h>
#include <random>
#include <sstream>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace tunerd;

namespace {

/// Where lines go that must be seen and find no room.
struct emergency_exit {
  emergency_exit() {
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK); // the other end would block
  }
  ~emergency_exit() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  std::string read() {
    std::string result(65'536, '\0');
    const auto n = ::read(ends[0], result.data(), result.size());
    result.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return result;
  }
  int ends[2] = {-1, -1};
};

struct buffer_fixture {
  std::string taken() {
    return std::string{aut.take()};
  }
  emergency_exit emergency;
  log_buffer aut{100, emergency.ends[1]};
};

constexpr auto info = log_level::info;
constexpr auto warning = log_level::warning;

} // namespace

TEST_CASE_METHOD(buffer_fixture, "lines come out in order, once", "[log]") {
  aut.push(info, "one\n");
  aut.push(warning, "two\n");
  CHECK(taken() == "one\ntwo\n");
  CHECK(taken().empty());
  CHECK(aut.count().lines == 2);
}

TEST_CASE_METHOD(buffer_fixture, "the last quarter is for warnings", "[log]") {
  aut.push(info, std::string(74, 'i') + '\n');
  aut.push(info, "\n");
  CHECK(aut.count().dropped == 1);
  aut.push(warning, std::string(24, 'w') + '\n');
  CHECK(aut.count().dropped == 1);
  CHECK(taken().size() == 100);
}

TEST_CASE_METHOD(buffer_fixture, "a warning without room goes to stderr",
                 "[log]") {
  aut.push(warning, std::string(99, 'w') + '\n');
  aut.push(log_level::error, "seen\n");
  aut.push(info, "gone\n");
  CHECK(emergency.read() == "seen\n");
  CHECK(aut.count().dropped == 1);
}

TEST_CASE_METHOD(buffer_fixture, "nobody waits for stderr", "[log]") {
  const std::string much(1'000'000, 'x');
  REQUIRE(write_without_waiting(emergency.ends[1], much) < much.size());
  aut.push(warning, std::string(200, 'w') + '\n'); // hangs if this is broken
  CHECK(aut.count().dropped == 1);
}

TEST_CASE_METHOD(buffer_fixture, "one wake-up serves any number of lines",
                 "[log]") {
  int calls = 0;
  aut.on_lines([&calls] { ++calls; });
  CHECK(calls == 0);
  aut.push(info, "a\n");
  aut.push(info, "b\n");
  CHECK(calls == 1);
  CHECK(taken() == "a\nb\n");
  aut.push(info, "c\n");
  CHECK(calls == 2);
}

TEST_CASE_METHOD(buffer_fixture, "who comes late is woken for what waits",
                 "[log]") {
  int calls = 0;
  aut.push(info, "a\n");
  aut.on_lines([&calls] { ++calls; });
  CHECK(calls == 1);
  aut.on_lines({});
  taken();
  aut.push(info, "b\n");
  CHECK(calls == 1);
}

TEST_CASE_METHOD(buffer_fixture, "a wake-up that throws is tried again",
                 "[log]") {
  int calls = 0;
  aut.on_lines([&calls] {
    if (++calls == 1)
      throw std::bad_alloc{};
  });
  aut.push(info, "a\n");
  aut.push(info, "b\n");
  CHECK(calls == 2);
}

TEST_CASE_METHOD(buffer_fixture, "a dying process finds every line once",
                 "[log]") {
  aut.push(info, "taken\n");
  const auto taken = aut.take();
  aut.push(info, "waiting\n");
  CHECK(taken == "taken\n");
  CHECK(aut.taken() == taken);
  CHECK(aut.waiting() == "waiting\n");
  aut.release();
  CHECK(aut.taken().empty());
  CHECK(aut.take() == "waiting\n");
  CHECK(aut.waiting().empty());
}

TEST_CASE("whatever is pushed is taken, on stderr or counted", "[log]") {
  const auto seed = Catch::rngSeed();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  for (int round = 0; round < 200; ++round) {
    emergency_exit emergency;
    log_buffer aut{random() % 300, emergency.ends[1]};
    uint64_t pushed = 0, seen = 0;
    const auto count = [&seen](std::string_view lines) {
      seen
        += static_cast<uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
    };
    for (int step = 0; step < 100; ++step) {
      if (random() % 8 == 0) {
        count(aut.take());
        continue;
      }
      const auto level = static_cast<log_level>(random() % 5);
      aut.push(level, std::string(random() % 40, 'x') + '\n');
      ++pushed;
    }
    count(aut.take());
    count(emergency.read());
    REQUIRE(seen + aut.count().dropped == pushed);
  }
}

TEST_CASE("threads share a buffer without losing or mixing lines", "[log]") {
  constexpr int threads = 4, lines_each = 2'000;
  log_buffer aut{1'000'000, -1};
  std::atomic<int> due{0};
  aut.on_lines([&due] {
    ++due;
    due.notify_one();
  });
  std::vector<std::thread> producers;
  for (int id = 0; id < threads; ++id)
    producers.emplace_back([&aut, id] {
      for (int i = 0; i < lines_each; ++i)
        aut.push(info, std::to_string(id) + ' ' + std::to_string(i) + '\n');
    });
  std::vector<int> next(threads, 0);
  for (int total = 0; total < threads * lines_each;) {
    due.wait(0); // hangs if a wake-up is lost
    due = 0;
    std::istringstream in{std::string{aut.take()}};
    for (int id = 0, i = 0; in >> id >> i; ++total)
      REQUIRE(next.at(static_cast<size_t>(id))++ == i);
  }
  for (auto& producer : producers)
    producer.join();
  CHECK(aut.count().dropped == 0);
}
