#pragma once

#include <string>

namespace tunerd::config {

/// Section `tunerd.storage`, and where files go.
struct storage {
  /// Created with mode 0700. Flag `--state-dir`, else SIMPLETUNER_STATE_DIR,
  /// else `~/.simpletuner`. Key: `state_dir`.
  std::string state_dir = {};
  /// `sqlite:FILE`; a relative FILE lies in `tunerd/` below the state
  /// directory. Key: `url`.
  std::string url = "sqlite:tunerd.db";
};

/// @returns the path of the SQLite database.
/// @relates storage
std::string database_file(const storage& section);

} // namespace tunerd::config
