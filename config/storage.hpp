#pragma once

#include <string>

namespace tunerd::config {

/// Section `tunerd.storage`, and where files go.
struct storage {
  /// Created with mode 0700. Flag `--state-dir`, else SIMPLETUNER_STATE_DIR,
  /// else `~/.simpletuner`.
  std::string state_dir = {};
  /// `sqlite:FILE`; a relative FILE lies in `tunerd/` below the state
  /// directory. Key: `url`.
  std::string url = "sqlite:tunerd.db";
};

} // namespace tunerd::config
