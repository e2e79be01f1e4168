#include "messages/dispatch.hpp"

#include <array>

namespace tunerd {

namespace {

constexpr std::array attempt_names{"claimed", "in_doubt", "unresolved",
                                   "accepted", "released"};

} // namespace

std::string to_string(attempt_state state) {
  return attempt_names.at(static_cast<size_t>(state));
}

bool is_watched(const open_attempt& x) {
  return x.watched_since && x.external_id.empty();
}

bool is_twin(const open_attempt& x) {
  return x.watched_since && !x.external_id.empty();
}

caf::optional<attempt_state> parse_attempt_state(std::string_view text) {
  for (size_t i = 0; i < attempt_names.size(); ++i)
    if (attempt_names[i] == text)
      return static_cast<attempt_state>(i);
  return caf::none;
}

} // namespace tunerd
