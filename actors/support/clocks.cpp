#include "actors/support/clocks.hpp"

namespace tunerd {

std::string random_hex(const random_source& random, size_t count) {
  std::string result;
  result.reserve(count);
  for (uint64_t bits = 0; result.size() < count; bits >>= 4) {
    if (result.size() % 16 == 0)
      bits = random();
    result += "0123456789abcdef"[bits & 15];
  }
  return result;
}

std::string new_correlation_id(const random_source& random) {
  return random_hex(random, 12);
}

} // namespace tunerd
