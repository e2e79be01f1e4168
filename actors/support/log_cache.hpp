#pragma once

#include "messages/context.hpp"
#include "messages/log_level.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tunerd {

struct log_record;

/// Parts of lines that the next line of the thread probably has too. Not
/// thread-safe. What it returns is valid until its next call.
class log_cache {
public:
  /// @returns what `append_second` writes, with a 'T'.
  std::string_view second(timestamp time);

  /// What stands around the message wherever this call is made.
  struct place {
    /// What `append_head` writes.
    std::string head = {};
    /// What `append_source` writes.
    std::string source = {};

    const char* file = nullptr;
    const char* function = nullptr;
    uint32_t line = 0;
    log_level level = log_level::debug;
    std::string logger_name = {};
  };
  const place& place_of(const log_record& record);

  /// @returns what `append_scope` writes, nothing replaced. The number of the
  /// scope tells whether it is the same.
  std::string_view scope(const log_record& record);

  /// From now on fields are shown in another way.
  void forget_scope() noexcept {
    scope_ = 0;
  }

private:
  int64_t second_ = -1;
  std::string second_text_;
  uint64_t scope_ = 0;
  std::string scope_text_;
  /// Each place in the source has one slot and shares it with others.
  std::array<place, 64> places_;
};

} // namespace tunerd
