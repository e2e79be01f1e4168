#pragma once

#include "actors/support/log.hpp"

#include <string>
#include <string_view>

// Logging as SimpleTuner's document "Structured Logging and Background Tasks"
// describes it, for programs with or without the daemon. Nothing of CAF here.
//
//     tunerd::init_from_env();
//     const auto log = tunerd::get_logger("simpletuner.cloud.jobs");
//     tunerd::log_context scope{{"job_id", id}, {"provider", "replicate"}};
//     log.info("Starting job processing");
//
// Any thread; only what changes how lines are written blocks, for as long as
// writing those made before takes.

namespace tunerd {

/// How lines are written.
struct structured_logging {
  /// DEBUG, INFO, WARNING, ERROR or CRITICAL in any case; another text means
  /// INFO and is warned about.
  std::string level = "INFO";
  /// Whether a line is a JSON object, else text.
  bool json_output = true;
  /// Written besides stdout, created or appended to; empty for none.
  std::string log_file = {};
  /// Whether lines of ERROR and above, and those with an exception, tell where
  /// they were written, frame by frame.
  bool include_stack_info = false;
  /// Whether a process that dies of a fault, abort or std::terminate writes
  /// what it has logged and why (log_crash.hpp). Handlers there were before run
  /// afterwards. Not for programs that handle faults and live on.
  bool crash_handlers = true;
};

/// From now on lines are written this way; those made before are written the
/// old way first. A thread of the library writes them until the process or a
/// daemon takes over. As often as one likes; blocks while it writes. Rotation
/// and levels of single names stay as they are.
void configure_structured_logging(const structured_logging& how = {});

/// The same with SIMPLETUNER_LOG_LEVEL, _FORMAT and _FILE.
void init_from_env();

/// @returns the logger of that name. Names are hierarchical: a level set for
/// `simpletuner.cloud` holds for `simpletuner.cloud.jobs` too. They are kept
/// for ever; of more than 10,000 the rest share `simpletuner.cloud.other`.
logger get_logger(std::string_view name);

/// Sets the level of a name and those below it, by name, at once; with an
/// empty name the level of everything else.
/// @returns whether there is a level of that text; else nothing has changed.
bool set_log_level(std::string_view name, std::string_view level);

/// @returns the id of the work on this thread; makes one, 12 hex digits, if
/// there is none. It lasts until the innermost scope ends or it is cleared.
std::string get_correlation_id();

/// Sets it. What is not 1-128 of `A-Z a-z 0-9 . _ : -` is replaced by a new one
/// and noted. @returns what is in force now.
std::string set_correlation_id(std::string_view id);

/// From now on this thread does no one's work.
void clear_correlation_id();

} // namespace tunerd
