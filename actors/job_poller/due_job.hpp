#pragma once

#include "messages/providers.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace tunerd {

/// A job whose turn has come: what a question about it needs. There is one per
/// active job while its turn lasts, so it holds no more than that.
struct due_job {
  std::string id;
  std::string provider;
  std::string external_id;
  std::string hardware_profile = {};
  std::string correlation_id = {};
  std::string user_id = {};
  timestamp created_at = {};
  /// As stored when its turn came.
  job_status status = job_status::pending;
  /// The round in which its turn came.
  uint64_t round = 0;
  /// What the provider's list says of it, if that needs a closer look.
  std::shared_ptr<const provider_job> listed = {};
};

/// @returns what a question about `x` needs, in the round `round`.
due_job due(const job& x, uint64_t round);

/// @returns the context of all work on `x`, as that of its job.
context context_of(const due_job& x);

} // namespace tunerd
