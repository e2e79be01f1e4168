#pragma once

#include "messages/context.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <source_location>
#include <string>
#include <string_view>

namespace tunerd {

/// Parts of lines that the next line of the thread probably has too. Not
/// thread-safe. What it returns is valid until its next call.
class log_cache {
public:
  /// @returns what `append_second` writes, with a 'T'.
  std::string_view second(timestamp time);

  /// @returns what `append_source` writes.
  std::string_view source(const std::source_location& where);

  /// @returns what `append_scope` writes.
  /// @param scope Belongs to these fields only.
  std::string_view scope(uint64_t scope,
                         const std::map<std::string, std::string>& fields);

private:
  struct place {
    const char* file = nullptr;
    const char* function = nullptr;
    uint32_t line = 0;
    std::string text = {};
  };

  int64_t second_ = -1;
  std::string second_text_;
  uint64_t scope_ = 0;
  std::string scope_text_;
  /// Each place in the source has one slot and shares it with others.
  std::array<place, 64> places_;
};

} // namespace tunerd
