#pragma once

#include <optional>
#include <string>

// The configuration as a process sees it: its environment and its files.

namespace tunerd {

/// @returns the environment variable `name`, none if it is not set.
std::optional<std::string> process_environment(const std::string& name);

/// @returns the configuration file in the documented order, "" if there is
/// none. @throws config::error if the environment names a missing one.
std::string find_configuration_file();

/// @returns the contents of `path`. Blocks.
/// @throws config::error if it cannot be read.
std::string read_configuration_file(const std::string& path);

} // namespace tunerd
