#include "messages/events.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace tunerd {

bool is_streamed(const std::string& type) {
  // Those of REFERENCE 4. What is not named stays inside, whoever adds it.
  constexpr std::array<std::string_view, 8> streamed{
    "job_status_changed", "job_submission_twin", "cloud_job_update",
    "approval_required",  "approval_decided",    "approval_expiring",
    "approval_expired",   "worker_status"};
  return std::find(streamed.begin(), streamed.end(), type) != streamed.end();
}

} // namespace tunerd
