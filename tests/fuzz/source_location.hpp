#pragma once

#include <cstdint>
#include <version>

// Clang 14 has everything of std::source_location but the name. Included by
// the compiler's command line, for fuzz targets only.

#ifndef __cpp_lib_source_location
#define __cpp_lib_source_location 201907L

namespace std {

struct source_location {
  static constexpr source_location
  current(const char* file = __builtin_FILE(),
          const char* function = __builtin_FUNCTION(),
          uint32_t line = __builtin_LINE()) noexcept {
    source_location result;
    result.file_ = file;
    result.function_ = function;
    result.line_ = line;
    return result;
  }
  constexpr uint32_t line() const noexcept {
    return line_;
  }
  constexpr const char* file_name() const noexcept {
    return file_;
  }
  constexpr const char* function_name() const noexcept {
    return function_;
  }

private:
  const char* file_ = "";
  const char* function_ = "";
  uint32_t line_ = 0;
};

} // namespace std

#endif
