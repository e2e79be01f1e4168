#pragma once

#include <caf/optional.hpp>

#include <cstdint>
#include <string>
#include <string_view>

// What the log output of a training run says about how far it is. Pure; the
// text is whatever a program printed.

namespace tunerd::rest {

/// How far a run is, by its log.
struct log_progress {
  /// Preprocessing, Warmup, Training, Validation or Saving checkpoint, as the
  /// newest line says that names one (the first, if it names several); empty
  /// if none does.
  std::string stage = {};
  /// The newest line that is not blank: at most 80 characters of valid UTF-8
  /// without control characters. Empty if there is none.
  std::string last_line = {};
  /// 0-100, from the newest `step a/b` or `epoch a/b`.
  caf::optional<int32_t> percent = caf::none;
};

/// Lines end with \n, \r (progress bars) or both. Upper and lower case are one.
log_progress read_progress(std::string_view logs);

} // namespace tunerd::rest
