#include "actors/support/system_clock.hpp"

#include <chrono>

namespace tunerd {

timestamp system_clock_now() {
  return std::chrono::time_point_cast<timestamp::duration>(
    std::chrono::system_clock::now());
}

} // namespace tunerd
