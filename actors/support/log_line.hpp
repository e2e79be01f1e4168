#pragma once

#include "actors/support/log.hpp"
#include "messages/context.hpp"

#include <map>
#include <span>
#include <string>
#include <string_view>

// What a line of the log looks like. Pure: no clock, no I/O.

namespace tunerd {

/// Everything one line is made of. Borrows; lives as long as the call.
struct log_record {
  log_level level;
  std::string_view logger_name;
  log_text text;
  /// For the placeholders of `text`, in their order.
  std::span<const log_value> args;
  /// Of this line; they win over those of the scope.
  std::span<const log_field> fields;
  const std::map<std::string, std::string>& scope_fields;
  std::string_view correlation_id;
  timestamp time = {};
  /// Where the line was written; empty for none. Shown with exceptions only.
  std::string_view stack = {};
};

/// Appends the record as one JSON object and a line break. The result is valid
/// JSON in UTF-8 on one line, whatever the texts contain; values of secret
/// keys are `***`.
void append_json(std::string& out, const log_record& record);

/// Appends the record as one line for people, without its fields.
void append_text(std::string& out, const log_record& record);

/// @returns whether the record shows an exception.
bool has_exception(const log_record& record) noexcept;

/// @returns whether values under this key must not be shown.
bool is_secret(std::string_view key) noexcept;

} // namespace tunerd
