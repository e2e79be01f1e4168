#include "messages/logs.hpp"

#include <array>

namespace tunerd {

std::string to_string(log_level level) {
  constexpr std::array names{"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};
  return names.at(static_cast<size_t>(level));
}

} // namespace tunerd
