#pragma once

#include "messages/error.hpp"
#include "messages/jobs.hpp"

namespace tunerd::sql {

// The errors that commands and queries answer, with one wording each.

inline caf::error no_such_job(const std::string& job_id) {
  return make_error(ec::job_not_found, "no job " + job_id);
}

inline caf::error not_allowed(const std::string& job_id) {
  return make_error(ec::permission_denied,
                    "job " + job_id + " belongs to somebody else");
}

inline caf::error conflict(const job& x, const std::string& why) {
  return make_error(ec::conflict, "job " + x.id + " " + why
                                    + " (status: " + to_string(x.status)
                                    + ", queue: " + to_string(x.queue) + ")");
}

inline caf::error invalid(std::string why) {
  return make_error(ec::validation_error, std::move(why));
}

inline caf::error no_such_rule(int64_t id) {
  return make_error(ec::not_found, "no approval rule " + std::to_string(id));
}

inline caf::error no_such_approval(int64_t id) {
  return make_error(ec::not_found, "no approval request " + std::to_string(id));
}

inline caf::error approval_not_allowed(int64_t id) {
  return make_error(ec::permission_denied, "approval request "
                                             + std::to_string(id)
                                             + " belongs to somebody else");
}

} // namespace tunerd::sql
