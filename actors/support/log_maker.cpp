#include "actors/support/log_maker.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <execinfo.h>
#include <mutex>
#include <utility>

namespace tunerd {

namespace {

/// Lives for ever, as the log does.
struct formats {
  std::mutex mutex;
  std::shared_ptr<const log_format> in_force;
};

formats& the_formats() {
  static auto& result = *new formats;
  return result;
}

/// Counts the changes; 0 while nothing is in force.
constinit std::atomic<uint64_t> generation{0};

/// The level of a name, as a thread has looked it up.
struct known_level {
  uint64_t generation;
  log_level level;
  uint8_t size;
  std::array<char, 46> name;
};

/// Each name has one slot and shares it with others.
constinit thread_local std::array<known_level, 16> known_levels{};

/// Of this thread; null if it is in use or there is none.
constinit thread_local log_maker* idle = nullptr;

/// The frames that lead to the call of the logger, one per line.
std::string stack_here() {
  std::array<void*, 40> frames;
  const auto count = ::backtrace(frames.data(), int{frames.size()});
  std::unique_ptr<char*, decltype(&std::free)> names{
    ::backtrace_symbols(frames.data(), count), std::free};
  std::string result;
  for (int i = 2; names != nullptr && i < count; ++i)
    result.append(names.get()[i]) += '\n';
  return result;
}

} // namespace

log_level log_format::level_of(std::string_view name) const noexcept {
  for (;; name = name.substr(0, name.rfind('.'))) {
    if (const auto i = settings.levels.find(name); i != settings.levels.end())
      return i->second;
    if (name.find('.') == name.npos)
      return settings.level;
  }
}

void use_log_format(std::shared_ptr<const log_format> next) noexcept {
  auto& formats = the_formats();
  std::lock_guard lock{formats.mutex};
  formats.in_force.swap(next);
  ++generation;
}

std::shared_ptr<const log_format> log_format_in_force() noexcept {
  auto& formats = the_formats();
  std::lock_guard lock{formats.mutex};
  return formats.in_force;
}

bool detail::lets_through(std::string_view name, log_level level) noexcept {
  auto& slot = known_levels[(reinterpret_cast<uintptr_t>(name.data()) >> 3)
                            % known_levels.size()];
  const auto now = generation.load(std::memory_order_acquire);
  if (slot.generation == now
      && std::string_view{slot.name.data(), slot.size} == name)
    return level >= slot.level;
  const auto lowest = log_format_in_force()->level_of(name);
  if (name.size() <= slot.name.size()) {
    slot = {now, lowest, static_cast<uint8_t>(name.size()), {}};
    name.copy(slot.name.data(), name.size());
  }
  return level >= lowest;
}

void log_maker::look_at_format() {
  if (generation_ == generation.load(std::memory_order_acquire))
    return;
  auto& formats = the_formats();
  std::lock_guard lock{formats.mutex};
  format_ = formats.in_force;
  generation_ = generation;
  cache_.forget_scope();
}

std::string_view log_maker::make(log_record& record) {
  look_at_format();
  const auto& settings = format_->settings;
  line_.clear();
  record.time = format_->now();
  if (record.correlation_id.empty())
    record.correlation_id = settings.correlation_id;
  record.secret_words = settings.secret_words;
  if (!settings.json_output) {
    append_text(line_, record);
    return line_;
  }
  std::string stack;
  if (settings.include_stack_info && wants_stack(record))
    record.stack = stack = stack_here();
  append_json(line_, record, &cache_);
  record.stack = {};
  return line_;
}

// The variables of a thread end in an order nobody knows, and those that end
// later may log: `idle` needs no destructor, and is null from then on.
detail::borrowed_log_maker::borrowed_log_maker() {
  static thread_local struct owner {
    owner() noexcept {
      idle = &maker;
    }
    ~owner() {
      idle = nullptr;
    }
    log_maker maker = {};
  } mine;
  maker_ = std::exchange(idle, nullptr);
}

detail::borrowed_log_maker::~borrowed_log_maker() {
  if (maker_ != nullptr)
    idle = maker_;
}

} // namespace tunerd
