#pragma once

#include "messages/log_level.hpp"
#include "messages/plain_context.hpp"

#include <array>
#include <atomic>
#include <concepts>
#include <exception>
#include <initializer_list>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <variant>

// Logging as every part of the daemon uses it. Any thread; never blocks, never
// throws; a line that finds no room is dropped and counted (log_buffer.hpp).
// Nothing of CAF here: programs include it through runtime/logging.hpp.

namespace tunerd {

/// The text of an exception or error. As an argument it stands in the message
/// too; either way the line gets an `exception`, besides `extra`.
struct log_exception {
  explicit log_exception(std::string_view what,
                         const std::type_info* of = nullptr) noexcept
    : text(what), type(of) {
  }
  std::string_view text;
  /// Written before the text in `exception`; may be null.
  const std::type_info* type;
};

/// A text that never reaches a log or a terminal: it is written as `***`.
class secret {
public:
  secret() = default;
  explicit secret(std::string value) noexcept : value_(std::move(value)) {
  }
  /// @returns the text itself, for whoever must send it.
  const std::string& reveal() const noexcept {
    return value_;
  }
  bool empty() const noexcept {
    return value_.empty();
  }

private:
  std::string value_;
};

/// A value in the `extra` of a line, or an argument of a text.
using log_value = std::variant<std::string_view, int64_t, uint64_t, double,
                               bool, log_exception>;

/// A key with its value.
using log_field = std::pair<std::string_view, log_value>;

/// Fields of one line; they win over those of the scope.
using log_fields = std::initializer_list<log_field>;

/// Fields of a scope.
using log_scope_fields
  = std::initializer_list<std::pair<std::string_view, std::string_view>>;

namespace detail {

/// @returns what is in force on this thread, to be changed in place.
context& changeable_context();

/// @returns a number for the fields in force on this thread, that no other
/// fields of this thread have or had; 0 if there are none.
uint64_t current_scope() noexcept;

} // namespace detail

/// Fields that every line of this thread gets until the scope ends. Scopes
/// nest: the inner value wins, and the end restores exactly what was before.
/// Lives on the stack, ends in reverse order, stays on its thread.
class log_context {
public:
  /// Adds fields to the scope around it. Copies them.
  log_context(log_scope_fields fields);

  /// Starts afresh: until its end lines carry `ctx` and nothing of the scopes
  /// around it. Copies `ctx`. This is how a unit of work begins.
  explicit log_context(context ctx);

  ~log_context();

  log_context(const log_context&) = delete;
  log_context& operator=(const log_context&) = delete;

private:
  friend const context& current_context();
  friend context& detail::changeable_context();
  friend uint64_t detail::current_scope() noexcept;
  /// What is in force inside this scope, flattened.
  context ctx_;
  uint64_t number_;
  log_context* outer_;
};

/// @returns what is in force on this thread, to be copied into messages. An
/// empty correlation id means that no unit of work has begun. The reference is
/// valid until the innermost scope ends.
const context& current_context();

/// What was in force somewhere, to be put in force elsewhere: in another
/// thread or a callback. Cheap to move.
class captured_context {
public:
  explicit captured_context(context ctx) : ctx_(std::move(ctx)) {
  }

  /// @returns a scope: until its end this thread is in what was captured, and
  /// in nothing of what is around.
  ///
  ///     auto scope = captured.restore();
  [[nodiscard]] log_context restore() const {
    return log_context{ctx_};
  }

private:
  context ctx_;
};

/// @returns what is in force on this thread.
inline captured_context capture_context() {
  return captured_context{current_context()};
}

namespace detail {

/// The lowest level that is written under any name; set by configure_logging.
extern std::atomic<log_level> log_threshold;

/// Whether names have levels of their own.
extern std::atomic<bool> log_levels_differ;

/// @returns whether `name`, or the nearest name above it that has a level of
/// its own, lets `level` through.
bool lets_through(std::string_view name, log_level level) noexcept;

} // namespace detail

/// A text with its place in the source, made by conversion at the call.
struct log_text {
  template <class T>
  requires std::convertible_to<const T&, std::string_view>
  // Implicit, so that log.info("text") knows where it stands.
  log_text(const T& value,
           std::source_location at = std::source_location::current())
  noexcept : format(value), where(at) {
  }
  std::string_view format;
  std::source_location where;
};

/// @returns `value` as a log_value; strings are borrowed.
template <class T>
log_value to_log_value(const T& value) {
  if constexpr (
    std::same_as<
      T, bool> || std::same_as<T, log_exception> || std::same_as<T, log_value>)
    return value;
  else if constexpr (std::same_as<T, secret>)
    return std::string_view{"***"};
  else if constexpr (std::derived_from<T, std::exception>)
    return log_exception{value.what(), &typeid(value)};
  else if constexpr (std::signed_integral<T>)
    return static_cast<int64_t>(value);
  else if constexpr (std::unsigned_integral<T>)
    return static_cast<uint64_t>(value);
  else if constexpr (std::floating_point<T>)
    return static_cast<double>(value);
  else
    return std::string_view{value};
}

/// Writes lines under one name, e.g. "simpletuner.cloud.jobs". Cheap to copy.
///
///     static const logger log{"simpletuner.cloud.queue"};
///     log.info("Dispatching job {} to {}", job.id, job.provider);
///     log.info("Job submitted successfully", {{"cost_estimate", 2.5}});
///
///     log.error("Error in job polling: {}", exception);
///
/// `{}` takes the next argument, `{:.2f}` a number with two decimals. The text
/// is stable; what a reader filters by is a field.
class logger {
public:
  /// @param name Must outlive the logger: a literal.
  explicit constexpr logger(std::string_view name) noexcept : name_(name) {
  }

  template <class... Ts>
  void debug(log_text text, const Ts&... args) const {
    format(log_level::debug, text, args...);
  }
  template <class... Ts>
  void info(log_text text, const Ts&... args) const {
    format(log_level::info, text, args...);
  }
  template <class... Ts>
  void warning(log_text text, const Ts&... args) const {
    format(log_level::warning, text, args...);
  }
  template <class... Ts>
  void error(log_text text, const Ts&... args) const {
    format(log_level::error, text, args...);
  }
  template <class... Ts>
  void critical(log_text text, const Ts&... args) const {
    format(log_level::critical, text, args...);
  }

  void debug(log_text text, log_fields fields) const {
    if (enabled(log_level::debug))
      write(log_level::debug, text, {}, fields);
  }
  void info(log_text text, log_fields fields) const {
    if (enabled(log_level::info))
      write(log_level::info, text, {}, fields);
  }
  void warning(log_text text, log_fields fields) const {
    if (enabled(log_level::warning))
      write(log_level::warning, text, {}, fields);
  }
  void error(log_text text, log_fields fields) const {
    if (enabled(log_level::error))
      write(log_level::error, text, {}, fields);
  }
  void critical(log_text text, log_fields fields) const {
    if (enabled(log_level::critical))
      write(log_level::critical, text, {}, fields);
  }

  /// @returns whether lines of `level` are written at all.
  bool enabled(log_level level) const noexcept {
    if (level < detail::log_threshold.load(std::memory_order_relaxed))
      return false;
    return !detail::log_levels_differ.load(std::memory_order_relaxed)
           || detail::lets_through(name_, level);
  }

private:
  template <class... Ts>
  void format(log_level level, log_text text, const Ts&... args) const {
    if (!enabled(level))
      return;
    const std::array<log_value, sizeof...(Ts)> values{to_log_value(args)...};
    write(level, text, values, {});
  }

  /// Whatever the level.
  void write(log_level level, log_text text, std::span<const log_value> args,
             log_fields fields) const noexcept;

  std::string_view name_;
};

} // namespace tunerd
