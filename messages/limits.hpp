#pragma once

#include "messages/callers.hpp"
#include "messages/context.hpp"

#include <caf/meta/type_name.hpp>
#include <caf/optional.hpp>

#include <cstdint>

// How many slots may be held at once.

namespace tunerd {

/// How many slots may be held at once. 0 means no limit.
struct queue_limits {
  int32_t max_concurrent = 5;
  int32_t user_max_concurrent = 2;
  /// Acts with fair share only.
  int32_t team_max_concurrent = 10;
  int32_t org_max_concurrent = 0;
  bool enable_fair_share = false;
  /// Stored for SimpleTuner's own workers; tunerd runs nothing locally.
  int32_t local_gpu_max_concurrent = 0;
  int32_t local_job_max_concurrent = 1;
  /// Of each provider.
  int32_t provider_max_concurrent = 0;
};

/// Command: change those limits that are set; the rest stay. Stored, wins over
/// the file, effective at once.
struct set_limits {
  context ctx;
  caller who;
  caf::optional<int32_t> max_concurrent = caf::none;
  caf::optional<int32_t> user_max_concurrent = caf::none;
  caf::optional<int32_t> team_max_concurrent = caf::none;
  caf::optional<int32_t> org_max_concurrent = caf::none;
  caf::optional<bool> enable_fair_share = caf::none;
  caf::optional<int32_t> local_gpu_max_concurrent = caf::none;
  caf::optional<int32_t> local_job_max_concurrent = caf::none;
  caf::optional<int32_t> provider_max_concurrent = caf::none;
};

/// Query: the limits in force.
struct get_limits {
  context ctx;
};

/// Answer to `get_limits` and `set_limits`.
struct limits_in_force {
  context ctx;
  queue_limits limits;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_limits& x) {
  return f(caf::meta::type_name("queue_limits"), x.max_concurrent,
           x.user_max_concurrent, x.team_max_concurrent, x.org_max_concurrent,
           x.enable_fair_share, x.local_gpu_max_concurrent,
           x.local_job_max_concurrent, x.provider_max_concurrent);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, set_limits& x) {
  return f(caf::meta::type_name("set_limits"), x.ctx, x.who, x.max_concurrent,
           x.user_max_concurrent, x.team_max_concurrent, x.org_max_concurrent,
           x.enable_fair_share, x.local_gpu_max_concurrent,
           x.local_job_max_concurrent, x.provider_max_concurrent);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_limits& x) {
  return f(caf::meta::type_name("get_limits"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, limits_in_force& x) {
  return f(caf::meta::type_name("limits_in_force"), x.ctx, x.limits);
}

} // namespace tunerd
