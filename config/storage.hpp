#pragma once

#include <string>

namespace tunerd::config {

/// Section `tunerd.storage`, and where files go.
struct storage {
  /// Created with mode 0700. Flag `--state-dir`, else SIMPLETUNER_STATE_DIR,
  /// else `~/.simpletuner`. Key: `state_dir`.
  std::string state_dir = {};
  /// `sqlite:FILE`; a relative FILE lies in `tunerd/` below the state
  /// directory. Or `postgresql://...` as libpq takes it; a password in it is
  /// printed as "***". Key: `url`.
  std::string url = "sqlite:tunerd.db";
};

/// @returns where the database is: the path of a file, or the URL of a server.
/// @relates storage
std::string database_place(const storage& section);

} // namespace tunerd::config
