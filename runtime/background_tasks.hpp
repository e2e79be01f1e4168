#pragma once

#include "runtime/daemon.hpp"

#include <chrono>
#include <memory>

// The functions of SimpleTuner's document "Structured Logging and Background
// Tasks", for programs that want one daemon per process without carrying it
// around. Nothing of CAF here. Any thread; the calls wait for one another.

namespace tunerd {

/// What the document reads of the configuration file.
struct enterprise_config {
  /// Whether the file switches polling on; false if it says nothing, and then
  /// a setting or the lack of a webhook may still do so: `polling_state` of the
  /// task manager says whether it runs.
  bool job_polling_enabled = false;
  /// SIMPLETUNER_JOB_POLL_INTERVAL counts too.
  std::chrono::seconds job_polling_interval{30};
};

/// @returns what the configuration file says now, found in the documented
/// order, and the environment. Blocks on the file.
/// @throws std::runtime_error naming the first bad key and its range.
enterprise_config get_enterprise_config();

/// Starts the process's daemon with the configuration file and the environment
/// unless `options` say otherwise. Warns in the log if it runs already.
/// @throws as daemon::start does; then nothing runs.
void start_background_tasks();
void start_background_tasks(daemon_options options);

/// Stops it; see daemon::stop. Does nothing if there is none.
bool stop_background_tasks() noexcept;

/// @returns the process's daemon, null unless it was started. It must not be
/// kept longer than until `stop_background_tasks`.
std::shared_ptr<daemon> get_task_manager();

/// Lets the poller read its setting again and poll at once.
/// @throws std::runtime_error if nothing runs.
polling_info refresh_polling_state();

} // namespace tunerd
