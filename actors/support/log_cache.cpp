#include "actors/support/log_cache.hpp"

#include "actors/support/log_line.hpp"

#include <chrono>

namespace tunerd {

std::string_view log_cache::second(timestamp time) {
  const auto now
    = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  if (now != second_ || second_text_.empty()) {
    second_text_.clear();
    append_second(second_text_, time, 'T');
    second_ = now;
  }
  return second_text_;
}

const log_cache::place& log_cache::place_of(const log_record& record) {
  // The texts of a place are literals: their addresses tell them apart.
  const auto& where = record.text.where;
  const auto* file = where.file_name();
  const auto* function = where.function_name();
  const auto line = uint32_t{where.line()};
  auto& slot = places_[(line ^ (reinterpret_cast<uintptr_t>(function) >> 4))
                       % places_.size()];
  if (slot.line == line && slot.function == function && slot.file == file
      && slot.level == record.level && slot.logger_name == record.logger_name)
    return slot;
  slot = {}; // if there is no memory now
  append_head(slot.head, record.level, record.logger_name);
  append_source(slot.source, where);
  slot.logger_name = record.logger_name;
  slot.level = record.level;
  slot.line = line;
  slot.file = file;
  slot.function = function;
  return slot;
}

std::string_view log_cache::scope(const log_record& record) {
  if (record.scope != scope_) {
    scope_ = 0; // if there is no memory now, it is not this scope's
    scope_text_.clear();
    append_scope(scope_text_, record, {});
    scope_ = record.scope;
  }
  return scope_text_;
}

} // namespace tunerd
