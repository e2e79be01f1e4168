#include "messages/callers.hpp"

namespace tunerd {

std::string to_string(caller_level level) {
  switch (level) {
    case caller_level::viewer: return "viewer";
    case caller_level::researcher: return "researcher";
    case caller_level::lead: return "lead";
    case caller_level::admin: return "admin";
  }
  return "viewer";
}

caf::optional<caller_level> parse_caller_level(std::string_view text) {
  for (auto level : {caller_level::viewer, caller_level::researcher,
                     caller_level::lead, caller_level::admin})
    if (text == to_string(level))
      return level;
  return caf::none;
}

} // namespace tunerd
