#include "messages/progress.hpp"

#include <array>

namespace tunerd {

std::string to_string(change_source source) {
  constexpr std::array names{"poll", "webhook", "api", "scheduler", "expiry"};
  return names.at(static_cast<size_t>(source));
}

} // namespace tunerd
