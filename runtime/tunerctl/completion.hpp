#pragma once

#include <string>

namespace CLI {
class App;
}

namespace tunerd::tunerctl {

/// @returns a script that teaches a shell the commands and options of `app`,
/// file names elsewhere.
/// @param shell bash, zsh or fish.
std::string completion(const CLI::App& app, const std::string& shell);

} // namespace tunerd::tunerctl
