#include "actors/support/log.hpp"

#include "actors/support/log_core.hpp"

namespace tunerd {

namespace {

thread_local log_context* innermost = nullptr;
/// In force where no scope is open.
thread_local context outermost = {};

} // namespace

log_context::log_context(log_scope_fields fields)
  : ctx_(current_context()), outer_(innermost) {
  for (const auto& [key, value] : fields)
    ctx_.fields.insert_or_assign(std::string{key}, std::string{value});
  innermost = this;
}

log_context::log_context(context ctx)
  : ctx_(std::move(ctx)), outer_(innermost) {
  innermost = this;
}

log_context::~log_context() {
  innermost = outer_;
}

const context& current_context() {
  return innermost == nullptr ? outermost : innermost->ctx_;
}

context& detail::changeable_context() {
  return innermost == nullptr ? outermost : innermost->ctx_;
}

void logger::write(log_level level, log_text text,
                   std::span<const log_value> args,
                   log_fields fields) const noexcept {
  if (!enabled(level))
    return;
  const auto& scope = current_context();
  detail::write_record({.level = level,
                        .logger_name = name_,
                        .text = text,
                        .args = args,
                        .fields = {fields.begin(), fields.size()},
                        .scope_fields = scope.fields,
                        .correlation_id = scope.correlation_id});
}

} // namespace tunerd
