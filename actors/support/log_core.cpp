#include "actors/support/log_core.hpp"

#include "actors/support/log_buffer.hpp"
#include "actors/support/log_drain.hpp"
#include "actors/support/log_maker.hpp"

#include <array>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <poll.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace tunerd {

namespace {

constexpr size_t buffer_bytes = 4 * 1024 * 1024;
constexpr int writer_wait_ms = 2'000;
constexpr logger log{"simpletuner.cloud.tasks"};

/// Tells one process from another; unique enough, and needs no randomness.
std::string make_process_id() {
  auto seed
    = static_cast<uint64_t>(system_clock_now().time_since_epoch().count()
                            ^ (int64_t{::getpid()} << 40));
  return new_correlation_id([&seed] {
    seed += 0x9e3779b97f4a7c15; // splitmix64
    auto bits = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
  });
}

/// Lives for ever: destructors of static objects may log.
struct log_core {
  const std::string process_id = make_process_id();
  log_buffer buffer{buffer_bytes, STDERR_FILENO};

  /// Guards what follows; taken before the buffer's own.
  std::recursive_mutex drain_mutex;
  std::unique_ptr<log_drain> drain;
  bool draining = false;
  uint64_t drops_told = 0;
  /// Of drains before the one in use.
  uint64_t lost_before = 0;
  /// Of all drains, for those who must not wait for the mutex.
  std::atomic<uint64_t> lost{0};
  /// Who wants to drive, oldest first; the last one does.
  std::vector<std::pair<const log_driver*, std::function<void()>>> drivers;

  // What a handler of fatal signals may look at.

  /// The thread that takes and writes lines or changes the drain; 0 for none.
  std::atomic<pid_t> writer{0};
  /// Whether the process is about to die: from now on nobody begins to write.
  std::atomic<bool> dying{false};
  std::atomic<const log_drain*> drain_in_use{nullptr};
  std::atomic<bool> json_output{true};
  /// For the last line.
  std::string last_line;
};

/// While it lives this thread writes. Together with the drain's mutex only.
class writing {
public:
  explicit writing(log_core& core)
    : core_(core), before_(core.writer.exchange(::gettid())) {
  }
  ~writing() {
    core_.writer = before_;
  }
  writing(const writing&) = delete;
  writing& operator=(const writing&) = delete;

private:
  log_core& core_;
  /// This thread or none.
  const pid_t before_;
};

/// @returns a function that counts the days of `now`.
std::function<int64_t()> day_of(const wall_clock& now) {
  return [now] {
    return int64_t{
      std::chrono::floor<std::chrono::days>(now()).time_since_epoch().count()};
  };
}

void use(log_core& core, log_settings settings, wall_clock now) {
  if (settings.correlation_id.empty())
    settings.correlation_id = core.process_id;
  auto next = std::make_unique<log_drain>(
    settings.console_fd,
    log_file::settings{.path = settings.file,
                       .rotate_bytes = settings.rotate_bytes,
                       .rotated_max = settings.rotated_max,
                       .today = settings.rotate_daily ? day_of(now) : nullptr});
  auto lowest = settings.level;
  for (const auto& [name, level] : settings.levels)
    lowest = std::min(lowest, level);
  detail::log_threshold = lowest;
  detail::log_levels_differ = !settings.levels.empty();
  core.json_output = settings.json_output;
  core.drain_in_use = next.get();
  core.drain.swap(next);
  if (next)
    core.lost_before += next->lost();
  use_log_format(std::make_shared<const log_format>(
    log_format{std::move(settings), std::move(now)}));
}

void write_at_exit();

log_core& the_core() {
  static auto& core = [&]() -> log_core& {
    auto* result = new log_core;
    result->last_line.reserve(log_line_bytes_max); // later there is no memory
    use(*result, {}, system_clock_now);
    std::atexit(write_at_exit);
    return *result;
  }();
  return core;
}

/// Takes what waits; says how many lines were dropped since it said so last.
std::string_view take(log_core& core) {
  const auto lines = core.buffer.take();
  const auto dropped = core.buffer.count().dropped;
  const auto before = std::exchange(core.drops_told, dropped);
  if (dropped > before)
    log.warning("Dropped {} log lines, the buffer was full", dropped - before);
  return lines;
}

/// Writes what waits, and what that makes wait: a line about dropped lines or
/// about trouble with the file.
void drain_all(log_core& core) noexcept {
  if (std::exchange(core.draining, true))
    return; // the wake-up of a line about trouble ended the driver
  const writing now{core};
  log_context scope{context{}}; // trouble with the file is no one's work
  for (int pass = 0; pass < 3 && !core.dying; ++pass) {
    core.drain->begin();
    const auto lines = take(core);
    if (lines.empty())
      break;
    core.drain->write(lines);
    core.buffer.release();
    core.lost = core.lost_before + core.drain->lost();
  }
  core.draining = false;
}

/// Static objects that end after this may still log.
void write_at_exit() {
  auto& core = the_core();
  std::lock_guard lock{core.drain_mutex};
  drain_all(core);
  if (core.drivers.empty())
    core.buffer.on_lines(drain_log);
}

/// Whether no other thread writes, or soon none does.
bool others_are_done(const log_core& core) noexcept {
  for (int waited_ms = 0; waited_ms < writer_wait_ms; ++waited_ms) {
    const auto writer = core.writer.load();
    if (writer == 0 || writer == ::gettid())
      return true;
    ::poll(nullptr, 0, 1);
  }
  return false;
}

/// @returns the last line; allocates nothing, as the place for it is there.
std::string_view make_last_line(log_core& core, std::string_view text,
                                std::string_view value) {
  const auto& scope = current_context();
  const std::array<log_value, 1> args{value};
  const log_record record{.level = log_level::critical,
                          .logger_name = "simpletuner.cloud.tasks",
                          .text = text,
                          .args = args,
                          .fields = {},
                          .scope_fields = scope.fields,
                          .correlation_id = scope.correlation_id.empty()
                                              ? core.process_id
                                              : scope.correlation_id,
                          .time = system_clock_now()};
  core.last_line.clear();
  if (core.json_output)
    append_json(core.last_line, record);
  else
    append_text(core.last_line, record);
  return core.last_line;
}

} // namespace

constinit std::atomic<log_level> detail::log_threshold{log_level::info};
constinit std::atomic<bool> detail::log_levels_differ{false};

log_settings to_log_settings(const config::logging& section) {
  return {.level = section.level,
          .levels = section.levels,
          .secret_words = section.secret_words,
          .json_output = section.json_output,
          .file = section.file,
          .include_stack_info = section.include_stack_info,
          .rotate_bytes = uint64_t{1024} * 1024
                          * static_cast<uint64_t>(section.rotate_megabytes),
          .rotate_daily = section.rotate_daily,
          .rotated_max = static_cast<unsigned>(section.rotated_files)};
}

void configure_logging(log_settings settings, wall_clock now) {
  auto& core = the_core();
  std::lock_guard lock{core.drain_mutex};
  drain_all(core);
  const writing it{core};
  if (!core.dying)
    use(core, std::move(settings), std::move(now));
}

void set_log_level(const std::string& name, log_level level) {
  auto& core = the_core();
  std::lock_guard lock{core.drain_mutex};
  const auto format = log_format_in_force();
  auto settings = format->settings;
  if (name.empty())
    settings.level = level;
  else
    settings.levels[name] = level;
  configure_logging(std::move(settings), format->now);
}

bool clear_log_level(const std::string& name) {
  auto& core = the_core();
  std::lock_guard lock{core.drain_mutex};
  const auto format = log_format_in_force();
  auto settings = format->settings;
  const bool had_one = settings.levels.erase(name) > 0;
  if (had_one)
    configure_logging(std::move(settings), format->now);
  return had_one;
}

log_settings current_log_settings() {
  the_core();
  return log_format_in_force()->settings;
}

void drain_log() noexcept {
  auto& core = the_core();
  std::lock_guard lock{core.drain_mutex};
  drain_all(core);
}

void reopen_log_file() noexcept {
  auto& core = the_core();
  std::lock_guard lock{core.drain_mutex};
  drain_all(core);
  const writing it{core};
  if (!core.dying)
    core.drain->reopen();
}

log_driver::log_driver(std::function<void()> wake) {
  auto& core = the_core();
  std::lock_guard lock{core.drain_mutex};
  core.drivers.emplace_back(this, wake);
  core.buffer.on_lines(std::move(wake));
}

log_driver::~log_driver() {
  auto& core = the_core();
  std::lock_guard lock{core.drain_mutex};
  const bool drove = core.drivers.back().first == this;
  std::erase_if(core.drivers,
                [this](const auto& x) { return x.first == this; });
  if (drove)
    core.buffer.on_lines(core.drivers.empty() ? nullptr
                                              : core.drivers.back().second);
  drain_all(core);
}

log_counters count_log_lines() noexcept {
  auto& core = the_core();
  const auto counts = core.buffer.count();
  return {counts.lines, counts.dropped, core.lost};
}

std::string take_log_lines() {
  auto& core = the_core();
  std::lock_guard lock{core.drain_mutex};
  std::string result{take(core)};
  core.buffer.release();
  return result;
}

void dump_log(std::string_view text, std::string_view value) noexcept {
  auto& core = the_core();
  core.dying = true;
  const bool done = others_are_done(core);
  const auto* drain = core.drain_in_use.load(); // after those who change it
  if (done)
    drain->write_rest(core.buffer.taken());
  drain->write_last(core.buffer.waiting());
  if (!text.empty())
    drain->write_last(make_last_line(core, text, value));
}

void detail::write_record(log_record record) noexcept {
  auto& core = the_core();
  try {
    with_log_maker([&](log_maker& maker) {
      core.buffer.push(record.level, maker.make(record));
    });
  } catch (...) {
    core.buffer.drop(); // out of memory, or the clock threw
  }
}

} // namespace tunerd
