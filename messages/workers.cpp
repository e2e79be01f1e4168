#include "messages/workers.hpp"

#include <array>

namespace tunerd {

std::string to_string(worker_phase phase) {
  constexpr std::array names{"starting", "running", "restarting", "stopped"};
  return names.at(static_cast<size_t>(phase));
}

} // namespace tunerd
