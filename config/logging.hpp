#pragma once

#include "messages/log_level.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

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
  /// Names with a level of their own, and all below them. Key: `levels`, a list
  /// of {logger, level}.
  std::map<std::string, log_level, std::less<>> levels = {};
  /// Values of keys with one of these words in them are hidden, besides token,
  /// secret, password, api_key and authorization. Key: `secret_keys`.
  std::vector<std::string> secret_words = {};
  /// Whether errors tell where they were written, frame by frame. Key:
  /// `include_stack_info`.
  bool include_stack_info = false;
  /// Size at which the file is rotated; 0: never. Range: 0 to 1,000,000. Key:
  /// `rotate_megabytes`.
  int32_t rotate_megabytes = 100;
  /// Whether it is also rotated when the day changes, UTC. Key: `rotate_daily`.
  bool rotate_daily = false;
  /// Rotated files to keep. Range: 1 to 1,000. Key: `rotated_files`.
  int32_t rotated_files = 10;
};

} // namespace tunerd::config
