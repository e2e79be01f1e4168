#include "actors/support/log_core.hpp"

#include "actors/support/log_buffer.hpp"
#include "actors/support/log_drain.hpp"

#include <array>
#include <cstdlib>
#include <execinfo.h>
#include <memory>
#include <mutex>
#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

namespace tunerd {

namespace {

constexpr size_t buffer_bytes = 4 * 1024 * 1024;
constexpr logger log{"simpletuner.cloud.tasks"};

/// How lines are made.
struct log_format {
  log_settings settings;
  wall_clock now;
};

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

  /// Guards `format`.
  std::mutex mutex;
  std::shared_ptr<const log_format> format;

  /// Guards what follows; taken before `mutex` and the buffer's own.
  std::recursive_mutex drain_mutex;
  std::optional<log_drain> drain;
  std::string batch;
  bool draining = false;
  uint64_t drops_told = 0;
  /// Of drains before the one in use.
  uint64_t lost_before = 0;
  /// Of all drains, for those who must not wait for the mutex.
  std::atomic<uint64_t> lost{0};
  /// Who wants to drive, oldest first; the last one does.
  std::vector<std::pair<const log_driver*, std::function<void()>>> drivers;
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
  if (core.drain)
    core.lost_before += core.drain->lost();
  core.drain.emplace(
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
  auto next
    = std::make_shared<const log_format>(std::move(settings), std::move(now));
  std::lock_guard lock{core.mutex};
  core.format.swap(next);
}

log_core& the_core() {
  static auto& core = [&]() -> log_core& {
    auto* result = new log_core;
    result->batch.reserve(buffer_bytes); // later there may be no memory
    use(*result, {}, system_clock_now);
    std::atexit(drain_log);
    return *result;
  }();
  return core;
}

std::shared_ptr<const log_format> format_in_force(log_core& core) {
  std::lock_guard lock{core.mutex};
  return core.format;
}

/// The frames above `detail::write_record`, one per line.
std::string stack_here() {
  std::array<void*, 32> frames;
  const auto count = ::backtrace(frames.data(), int{frames.size()});
  std::unique_ptr<char*, decltype(&std::free)> names{
    ::backtrace_symbols(frames.data(), count), std::free};
  std::string result;
  for (int i = 2; names != nullptr && i < count; ++i)
    result.append(names.get()[i]) += '\n';
  return result;
}

std::string make_line(log_record& record, const log_format& format) {
  std::string line, stack;
  line.reserve(512);
  record.time = format.now();
  if (record.correlation_id.empty())
    record.correlation_id = format.settings.correlation_id;
  if (!format.settings.json_output) {
    append_text(line, record);
    return line;
  }
  if (format.settings.include_stack_info && has_exception(record))
    record.stack = stack = stack_here();
  append_json(line, record);
  return line;
}

/// Takes what waits; says how many lines were dropped since it said so last.
void take(log_core& core, std::string& out) {
  core.buffer.take(out);
  const auto dropped = core.buffer.count().dropped;
  const auto before = std::exchange(core.drops_told, dropped);
  if (dropped > before)
    log.warning("Dropped {} log lines, the buffer was full", dropped - before);
}

/// Writes what waits, and what that makes wait: a line about dropped lines or
/// about trouble with the file.
void drain_all(log_core& core) noexcept {
  if (std::exchange(core.draining, true))
    return; // the wake-up of a line about trouble ended the driver
  log_context scope{context{}}; // trouble with the file is no one's work
  for (int pass = 0; pass < 3; ++pass) {
    take(core, core.batch);
    if (core.batch.empty())
      break;
    core.drain->write(core.batch);
    core.lost = core.lost_before + core.drain->lost();
  }
  core.draining = false;
}

} // namespace

constinit std::atomic<log_level> detail::log_threshold{log_level::info};
constinit std::atomic<bool> detail::log_levels_differ{false};

bool detail::lets_through(std::string_view name, log_level level) noexcept {
  const auto format = format_in_force(the_core());
  const auto& levels = format->settings.levels;
  for (;; name = name.substr(0, name.rfind('.'))) {
    if (const auto i = levels.find(name); i != levels.end())
      return level >= i->second;
    if (name.find('.') == name.npos)
      return level >= format->settings.level;
  }
}

log_settings to_log_settings(const config::logging& section) {
  return {.level = section.level,
          .levels = section.levels,
          .json_output = section.json_output,
          .file = section.file,
          .rotate_bytes = uint64_t{1024} * 1024
                          * static_cast<uint64_t>(section.rotate_megabytes),
          .rotate_daily = section.rotate_daily,
          .rotated_max = static_cast<unsigned>(section.rotated_files)};
}

void configure_logging(log_settings settings, wall_clock now) {
  auto& core = the_core();
  std::lock_guard lock{core.drain_mutex};
  drain_all(core);
  use(core, std::move(settings), std::move(now));
}

void set_log_level(const std::string& name, log_level level) {
  auto& core = the_core();
  std::lock_guard lock{core.drain_mutex};
  const auto format = format_in_force(core);
  auto settings = format->settings;
  if (name.empty())
    settings.level = level;
  else
    settings.levels[name] = level;
  configure_logging(std::move(settings), format->now);
}

log_settings current_log_settings() {
  return format_in_force(the_core())->settings;
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
  std::string result;
  take(core, result);
  return result;
}

void dump_log() noexcept {
  auto& core = the_core();
  core.buffer.dump(core.drain->console_fd());
  core.buffer.dump(core.drain->file_fd());
}

void detail::write_record(log_record record) noexcept {
  auto& core = the_core();
  try {
    const auto format = format_in_force(core);
    core.buffer.push(record.level, make_line(record, *format));
  } catch (...) {
    core.buffer.drop(); // out of memory, or the clock threw
  }
}

} // namespace tunerd
