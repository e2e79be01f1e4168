#include "messages/events.hpp"

namespace tunerd {

bool is_streamed(const std::string& type) {
  return type != "queue_changed" && type != "limits_changed"
         && type != "settings_changed";
}

} // namespace tunerd
