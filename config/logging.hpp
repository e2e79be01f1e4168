#pragma once

#include "messages/logs.hpp"

#include <string>

namespace tunerd::config {

/// Section `tunerd.logging`, under SIMPLETUNER_LOG_LEVEL, _FORMAT and _FILE.
struct logging {
  /// Lines below it are not written. Key: `level`; an unknown one is INFO.
  log_level level = log_level::info;
  /// Whether a line is a JSON object, else text. Key: `format`, json or text.
  bool json_output = true;
  /// Written besides stdout, created or appended to; empty for none. Key:
  /// `file`.
  std::string file = {};
};

} // namespace tunerd::config
