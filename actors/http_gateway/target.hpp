#pragma once

#include "actors/http_gateway/refusal.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tunerd::rest {

/// Parameters of a query in the order given; no name twice.
using query = std::vector<std::pair<std::string, std::string>>;

/// The target of a request, decoded. Contains no control characters.
struct target {
  /// Between the slashes; "/" has none. A slash at the end is ignored.
  std::vector<std::string> path = {};
  query parameters = {};
};

/// Takes "/a/b%20c?x=1&y" apart. Bounds: 8 KiB, 16 segments, 64 parameters.
or_refusal<target> parse_target(std::string_view text);

} // namespace tunerd::rest
