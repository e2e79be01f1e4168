#include "runtime/logging.hpp"

#include "actors/support/clocks.hpp"
#include "actors/support/correlation_id.hpp"
#include "actors/support/log_core.hpp"
#include "actors/support/log_crash.hpp"
#include "actors/support/log_thread.hpp"
#include "runtime/configuration_file.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>
#include <sys/random.h>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.tasks"};
constexpr size_t names_max = 10'000;

std::string make_correlation_id() {
  return new_correlation_id([] {
    uint64_t bits = 0;
    while (::getrandom(&bits, sizeof bits, 0) != sizeof bits) {
    }
    return bits;
  });
}

/// Starts the thread that writes while nobody else does. Ends with the
/// process.
void start_writing() {
  static const log_thread writer;
}

} // namespace

void configure_structured_logging(const structured_logging& how) {
  auto settings = current_log_settings();
  const auto level = parse_log_level(how.level);
  settings.level = level.value_or(log_level::info);
  settings.json_output = how.json_output;
  settings.file = how.log_file;
  settings.include_stack_info = how.include_stack_info;
  configure_logging(std::move(settings));
  start_writing();
  if (how.crash_handlers)
    install_crash_handlers();
  if (!level)
    log.warning("Unknown log level '{}', using INFO", how.level);
}

void init_from_env() {
  const auto value = [](const char* name, const char* otherwise) {
    const auto found = process_environment(name);
    return found && !found->empty() ? *found : std::string{otherwise};
  };
  auto format = value("SIMPLETUNER_LOG_FORMAT", "json");
  std::transform(format.begin(), format.end(), format.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  configure_structured_logging({.level = value("SIMPLETUNER_LOG_LEVEL", "INFO"),
                                .json_output = format == "json",
                                .log_file = value("SIMPLETUNER_LOG_FILE", "")});
}

logger get_logger(std::string_view name) {
  // Lives for ever: destructors of static objects may log.
  static auto& names = *new std::set<std::string, std::less<>>;
  static std::mutex mutex;
  std::lock_guard guard{mutex};
  auto i = names.find(name);
  if (i == names.end()) {
    if (names.size() >= names_max)
      return logger{"simpletuner.cloud.other"};
    i = names.emplace(name).first;
  }
  return logger{*i};
}

bool set_log_level(std::string_view name, std::string_view level) {
  const auto parsed = parse_log_level(level);
  if (parsed)
    set_log_level(std::string{name}, *parsed);
  return parsed.has_value();
}

std::string get_correlation_id() {
  auto& ctx = detail::changeable_context();
  if (ctx.correlation_id.empty())
    ctx.correlation_id = make_correlation_id();
  return ctx.correlation_id;
}

std::string set_correlation_id(std::string_view id) {
  auto& ctx = detail::changeable_context();
  const bool valid = is_correlation_id(id);
  ctx.correlation_id = valid ? std::string{id} : make_correlation_id();
  if (!valid)
    log.debug("New correlation id", {{"reason", "an invalid one was set"}});
  return ctx.correlation_id;
}

void clear_correlation_id() {
  detail::changeable_context().correlation_id.clear();
}

} // namespace tunerd
