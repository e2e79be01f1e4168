#include "runtime/background_tasks.hpp"

#include "actors/support/log.hpp"
#include "config/settings.hpp"
#include "runtime/configuration_file.hpp"

#include <mutex>
#include <stdexcept>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.tasks"};

/// The daemon of the process and what guards it.
struct singleton {
  std::mutex mutex;
  std::shared_ptr<daemon> tasks;
};

singleton& instance() {
  static singleton result;
  return result;
}

} // namespace

enterprise_config get_enterprise_config() {
  const auto file = find_configuration_file();
  const auto values
    = config::load({.yaml = file.empty() ? "" : read_configuration_file(file),
                    .file_name = file,
                    .env = process_environment})
        .values.polling_section;
  return {values.enabled.value_or(false), values.interval};
}

void start_background_tasks() {
  daemon_options options;
  if (const auto file = find_configuration_file(); !file.empty()) {
    options.yaml = read_configuration_file(file);
    options.file_name = file;
  }
  start_background_tasks(std::move(options));
}

void start_background_tasks(daemon_options options) {
  auto& self = instance();
  std::lock_guard guard{self.mutex};
  if (self.tasks) {
    log.warning("Background task manager already running");
    return;
  }
  auto tasks = std::make_shared<daemon>(std::move(options));
  tasks->start();
  self.tasks = std::move(tasks);
}

bool stop_background_tasks() noexcept {
  auto& self = instance();
  std::lock_guard guard{self.mutex};
  const auto tasks = std::exchange(self.tasks, nullptr);
  return tasks ? tasks->stop() : true;
}

std::shared_ptr<daemon> get_task_manager() {
  auto& self = instance();
  std::lock_guard guard{self.mutex};
  return self.tasks;
}

polling_info refresh_polling_state() {
  auto& self = instance();
  std::lock_guard guard{self.mutex};
  if (!self.tasks)
    throw std::runtime_error{"the background tasks do not run"};
  return self.tasks->refresh_polling_state();
}

} // namespace tunerd
