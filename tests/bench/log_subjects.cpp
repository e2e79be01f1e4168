#include "tests/bench/log_subjects.hpp"

#include "actors/support/log_core.hpp"
#include "actors/support/log_thread.hpp"
#include "tests/bench/bench.hpp"

#include <spdlog/async.h>
#include <spdlog/fmt/chrono.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>

#include <fcntl.h>
#include <mutex>
#include <unistd.h>

namespace tunerd::bench {

namespace {

constexpr const char* id = "abc123def456";
constexpr const char* job = "job-0123456789";
constexpr const char* provider = "replicate";

// -- tunerd -------------------------------------------------------------------

struct tunerd_log : log_subject {
  explicit tunerd_log(const std::string& file) {
    configure_logging({.file = file, .console_fd = -1, .rotate_bytes = 0});
    before = count_log_lines().dropped;
    writer = std::make_unique<log_thread>();
  }
  void log(uint64_t lines) override {
    static constexpr logger to{"simpletuner.cloud.queue"};
    log_context scope{context{id,
                              {{"job_id", job},
                               {"provider", provider},
                               {"step", "submission"},
                               {"user_id", "alice"}}}};
    for (; lines > 0; --lines)
      to.info("Dispatching job {} to {}", job, provider);
  }
  uint64_t dropped() override {
    return count_log_lines().dropped - before;
  }
  uint64_t before = 0;
  std::unique_ptr<log_thread> writer;
};

// -- spdlog -------------------------------------------------------------------

/// spdlog has no context and no JSON: the caller formats both, unescaped.
struct spdlog_log : log_subject {
  spdlog_log(const std::string& file, spdlog::async_overflow_policy policy)
    : pool(std::make_shared<spdlog::details::thread_pool>(16'384, 1)),
      to(std::make_shared<spdlog::async_logger>(
        "simpletuner.cloud.queue",
        std::make_shared<spdlog::sinks::basic_file_sink_mt>(file, true), pool,
        policy)) {
    to->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "{\"timestamp\": \"%Y-%m-%dT%H:%M:%S.%eZ\", \"level\": \"INFO\", "
      "\"logger\": \"%n\", %v}",
      spdlog::pattern_time_type::utc));
  }
  void log(uint64_t lines) override {
    for (; lines > 0; --lines)
      to->info("\"message\": \"Dispatching job {} to {}\", \"correlation_id\": "
               "\"{}\", \"source\": {{\"file\": \"{}\", \"line\": {}, "
               "\"function\": \"{}\"}}, \"extra\": {{\"job_id\": \"{}\", "
               "\"provider\": \"{}\", \"step\": \"{}\", \"user_id\": \"{}\"}}",
               job, provider, id, "log_subjects.cpp", __LINE__, "log", job,
               provider, "submission", "alice");
  }
  uint64_t dropped() override {
    return pool->overrun_counter();
  }
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> to;
};

// -- nlohmann::json under a mutex ---------------------------------------------

struct json_log : log_subject {
  explicit json_log(const std::string& file)
    : fd(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
  }
  ~json_log() override {
    ::close(fd);
  }
  void log(uint64_t lines) override {
    for (; lines > 0; --lines) {
      const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
      const nlohmann::ordered_json line{
        {"timestamp",
         fmt::format(
           "{:%Y-%m-%dT%H:%M:}{:06.3f}Z", fmt::gmtime(now),
           static_cast<double>(now.time_since_epoch().count() % 60'000)
             / 1000)},
        {"level", "INFO"},
        {"logger", "simpletuner.cloud.queue"},
        {"message", fmt::format("Dispatching job {} to {}", job, provider)},
        {"correlation_id", id},
        {"source",
         {{"file", "log_subjects.cpp"},
          {"line", __LINE__},
          {"function", "log"}}},
        {"extra",
         {{"job_id", job},
          {"provider", provider},
          {"step", "submission"},
          {"user_id", "alice"}}}};
      const auto text = line.dump() + '\n';
      std::lock_guard lock{mutex};
      failed += ::write(fd, text.data(), text.size()) < 0;
    }
  }
  uint64_t dropped() override {
    return failed;
  }
  int fd;
  uint64_t failed = 0;
  std::mutex mutex;
};

} // namespace

std::vector<log_candidate> log_candidates() {
  using policy = spdlog::async_overflow_policy;
  return {{"tunerd",
           [](const auto& file) { return std::make_unique<tunerd_log>(file); }},
          {"spdlog_async_block",
           [](const auto& file) {
             return std::make_unique<spdlog_log>(file, policy::block);
           }},
          {"spdlog_async_overrun_oldest",
           [](const auto& file) {
             return std::make_unique<spdlog_log>(file, policy::overrun_oldest);
           }},
          {"nlohmann_json_mutex",
           [](const auto& file) { return std::make_unique<json_log>(file); }}};
}

} // namespace tunerd::bench
