#pragma once

#include <chrono>
#include <string>

namespace tunerd::config {

/// Section `tunerd.cluster`. Matters where several nodes share a PostgreSQL
/// database; with SQLite a daemon is alone.
struct cluster {
  /// Name of this node among the others, at most 64 letters, digits and any of
  /// ".:_-"; empty: the name of the machine with the port of the API. Key:
  /// `node`.
  std::string node = {};
  /// How long the leader may be silent until another node leads; the same on
  /// all nodes. Shorter: sooner, but a slow database ends it, too. Range: 1 s
  /// to 60 s. Key: `lease_seconds`.
  std::chrono::seconds lease{3};
};

} // namespace tunerd::config
