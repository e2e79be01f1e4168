#include "runtime/configuration_file.hpp"

#include "config/settings.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace tunerd {

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

std::string find_configuration_file() {
  return config::find_file(process_environment, [](const std::string& path) {
    return ::access(path.c_str(), R_OK) == 0;
  });
}

std::string read_configuration_file(const std::string& path) {
  std::ifstream in{path};
  std::ostringstream text;
  if (!in || !std::filesystem::is_regular_file(path))
    throw config::error{path + ": cannot be read"};
  if (in.peek() != std::ifstream::traits_type::eof())
    text << in.rdbuf(); // << fails on an empty file
  if (in.bad())
    throw config::error{path + ": cannot be read to its end"};
  return text.str();
}

} // namespace tunerd
