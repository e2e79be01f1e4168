#include "messages/providers.hpp"

#include <array>

namespace tunerd {

std::string to_string(submission_result result) {
  constexpr std::array names{"accepted",    "not_accepted", "refused",
                             "unavailable", "in_doubt",     "unresolved"};
  return names.at(static_cast<size_t>(result));
}

} // namespace tunerd
