#include "messages/jobs.hpp"

#include <array>

namespace tunerd {

namespace {

constexpr std::array job_names{"pending",   "uploading", "queued",   "running",
                               "completed", "failed",    "cancelled"};

constexpr std::array queue_names{"pending", "ready",     "running", "completed",
                                 "failed",  "cancelled", "blocked"};

template <class Enum, class Names>
caf::optional<Enum> find_name(const Names& names, std::string_view text) {
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == text)
      return static_cast<Enum>(i);
  return caf::none;
}

} // namespace

std::string to_string(job_status status) {
  return job_names.at(static_cast<size_t>(status));
}

std::string to_string(queue_status status) {
  return queue_names.at(static_cast<size_t>(status));
}

caf::optional<job_status> parse_job_status(std::string_view text) {
  return find_name<job_status>(job_names, text);
}

caf::optional<queue_status> parse_queue_status(std::string_view text) {
  return find_name<queue_status>(queue_names, text);
}

std::string priority_name(int32_t priority) {
  constexpr std::array names{"low", "normal", "high", "urgent", "critical"};
  return names.at(static_cast<size_t>(priority < 0     ? 0
                                      : priority >= 40 ? 4
                                                       : priority / 10));
}

} // namespace tunerd
