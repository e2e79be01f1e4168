#include "actors/support/log.hpp"

#include "actors/support/log_core.hpp"

#include <memory>
#include <new>

namespace tunerd {

namespace {

thread_local log_context* innermost = nullptr;
thread_local uint64_t scopes = 0;

/// In force where no scope is open. Never destroyed: destructors of other
/// variables of the thread may log. Allocates nothing: a handler of a fatal
/// signal may be the first to ask.
context& outermost() {
  alignas(
    context) static constinit thread_local std::byte bytes[sizeof(context)]{};
  static constinit thread_local context* made = nullptr;
  if (made == nullptr)
    made = new (bytes) context{};
  return *made;
}

/// Frees at the end of the thread what its outermost context holds.
void empty_outermost_at_end() {
  static thread_local const struct at_end {
    ~at_end() {
      std::destroy_at(&outermost());
      std::construct_at(&outermost());
    }
  } emptied;
}

} // namespace

log_context::log_context(log_scope_fields fields)
  : ctx_(current_context()), number_(++scopes), outer_(innermost) {
  for (const auto& [key, value] : fields)
    ctx_.fields.insert_or_assign(std::string{key}, std::string{value});
  innermost = this;
}

log_context::log_context(context ctx)
  : ctx_(std::move(ctx)), number_(++scopes), outer_(innermost) {
  innermost = this;
}

log_context::~log_context() {
  innermost = outer_;
}

const context& current_context() {
  return innermost == nullptr ? outermost() : innermost->ctx_;
}

context& detail::changeable_context() {
  if (innermost == nullptr) {
    empty_outermost_at_end();
    return outermost();
  }
  innermost->number_ = ++scopes;
  return innermost->ctx_;
}

uint64_t detail::current_scope() noexcept {
  return innermost == nullptr ? 0 : innermost->number_;
}

void logger::write(log_level level, log_text text,
                   std::span<const log_value> args,
                   log_fields fields) const noexcept {
  const auto& scope = current_context();
  detail::write_record({.level = level,
                        .logger_name = name_,
                        .text = text,
                        .args = args,
                        .fields = {fields.begin(), fields.size()},
                        .scope_fields = scope.fields,
                        .scope = detail::current_scope(),
                        .correlation_id = scope.correlation_id});
}

} // namespace tunerd
