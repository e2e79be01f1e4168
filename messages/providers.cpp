#include "messages/providers.hpp"

#include <array>

namespace tunerd {

std::string to_string(submission_result result) {
  constexpr std::array names{"accepted",    "not_accepted", "refused",
                             "unavailable", "in_doubt",     "unresolved"};
  return names.at(static_cast<size_t>(result));
}

std::string to_string(breaker_phase phase) {
  switch (phase) {
    case breaker_phase::closed: return "closed";
    case breaker_phase::half_open: return "half_open";
    case breaker_phase::open: return "open";
  }
  return "closed";
}

} // namespace tunerd
