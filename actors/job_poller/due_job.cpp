#include "actors/job_poller/due_job.hpp"

namespace tunerd {

due_job due(const job& x, uint64_t round) {
  return {.id = x.id,
          .provider = x.provider,
          .external_id = x.external_id,
          .hardware_profile = x.hardware_profile,
          .correlation_id = x.correlation_id,
          .user_id = x.user_id,
          .created_at = x.created_at,
          .status = x.status,
          .round = round};
}

context context_of(const due_job& x) {
  job subject{.id = x.id, .provider = x.provider, .user_id = x.user_id};
  subject.correlation_id = x.correlation_id;
  return context_of(subject);
}

} // namespace tunerd
