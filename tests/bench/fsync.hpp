#pragma once

#include "tests/bench/bench.hpp"

#include <string>

namespace tunerd::bench {

/// @returns what one fsync of a page costs on the disk of `path`, which is
/// created, in microseconds: no acknowledgement can be faster.
json measure_fsync(const std::string& path);

} // namespace tunerd::bench
