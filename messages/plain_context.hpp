#pragma once

#include <map>
#include <string>

// Nothing of CAF: the public logging header needs it.

namespace tunerd {

/// Identifies the work a message belongs to. Every message carries one, except
/// hints and self-messages, which do no one's work.
struct context {
  /// Chosen where the work enters the daemon and copied, never regenerated,
  /// by every actor on the way. 1-128 of `A-Z a-z 0-9 . _ : -`.
  std::string correlation_id;

  /// What a log reader filters by, e.g. {"job_id", "42"}. Holds no secrets.
  std::map<std::string, std::string> fields = {};
};

} // namespace tunerd
