#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tunerd::rest {

/// Turns what a log looks like from time to time into a stream of its lines,
/// each once. Pure.
///
/// Problem: a log comes whole, and of a long one only the end, which moves. So
/// what is new is what stands behind the longest end of the old text that the
/// new one begins with.
class log_tail {
public:
  /// The log as it is now. One that lost its end changes nothing.
  void update(std::string text);

  /// @returns the next lines as server-sent events, one `data:` each; empty if
  /// there are none. Lines end with \n, \r or both; longer ones are broken
  /// after 16 KiB. What is not UTF-8 becomes U+FFFD.
  /// @param bytes_max Stop after so many; the line that exceeds them is whole.
  /// @param is_over The last line counts though nothing ends it.
  std::string next(size_t bytes_max, bool is_over);

private:
  std::string text_ = {};
  /// How much of it was returned.
  size_t sent_ = 0;
};

} // namespace tunerd::rest
