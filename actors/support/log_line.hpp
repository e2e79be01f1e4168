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
  /// Tells one scope of this thread from the others; 0 for none.
  uint64_t scope = 0;
  std::string_view correlation_id;
  timestamp time = {};
  /// Where the line was written; empty for none.
  std::string_view stack = {};
  /// See `is_secret`.
  std::span<const std::string> secret_words = {};
};

class log_cache;

/// Of a line, with its line break, whatever goes into it.
constexpr size_t log_line_bytes_max = 96 * 1024;

/// Of each the scope and the call; more are counted under the key "...".
constexpr size_t log_fields_max = 64;
constexpr size_t log_fields_bytes_max = 16 * 1024;

/// Appends the record as one JSON object and a line break. The result is valid
/// JSON in UTF-8 on one line, whatever the texts contain; values of secret
/// keys are `***`.
/// @param cache Makes it faster, and no difference to the line.
void append_json(std::string& out, const log_record& record,
                 log_cache* cache = nullptr);

/// Appends the record as one line for people, without its fields.
void append_text(std::string& out, const log_record& record);

/// @returns whether the record is about an error, so that a reader wants to
/// know where it was written.
bool wants_stack(const log_record& record) noexcept;

/// @returns whether values under this key must not be shown: it has one of
/// REFERENCE 7's words in it, or one of `words`, in any case; '-' is '_'.
/// @param words In lower case.
bool is_secret(std::string_view key,
               std::span<const std::string> words = {}) noexcept;

// -- parts of a line ----------------------------------------------------------

/// Appends "2024-01-15", `between`, "10:30:00".
void append_second(std::string& out, timestamp time, char between);

/// Appends what stands between timestamp and message, with the quotes.
void append_head(std::string& out, log_level level,
                 std::string_view logger_name);

/// Appends the quote before it, and `, "source": {...}`.
void append_source(std::string& out, const std::source_location& where);

/// Appends "{" and the fields of the record's scope, except those that `own`
/// replaces.
void append_scope(std::string& out, const log_record& record,
                  std::span<const log_field> own);

} // namespace tunerd
