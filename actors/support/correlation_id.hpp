#pragma once

#include <cstddef>
#include <string_view>

// Nothing of CAF: programs without the daemon use it too.

namespace tunerd {

/// The longest correlation id that is taken from others.
inline constexpr size_t correlation_id_bytes_max = 128;

/// @returns whether `text` may be used as a correlation id as it is: 1-128 of
/// `A-Z a-z 0-9 . _ : -`. Anything else is replaced by a new id.
bool is_correlation_id(std::string_view text) noexcept;

} // namespace tunerd
