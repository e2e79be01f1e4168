#include "actors/support/log_message.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <type_traits>

namespace tunerd {

namespace {

template <class T, class... Format>
void append_number(std::string& out, T value, Format... format) {
  std::array<char, 400> digits; // a double takes up to 310 and its decimals
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 value, format...);
  out.append(digits.data(), end.ptr);
}

/// The shortest text that reads back as the same number, "2.0" for 2.
void append_double(std::string& out, double value) {
  const auto begin = out.size();
  append_number(out, value);
  if (out.find_first_not_of("-0123456789", begin) == std::string::npos)
    out += ".0";
}

/// Appends a value as part of a text.
void append_plain(std::string& out, const log_value& value, escape how) {
  std::visit(
    [&](const auto& x) {
      using type = std::remove_cvref_t<decltype(x)>;
      if constexpr (std::same_as<type, std::string_view>)
        append_escaped(out, x, how, log_string_bytes_max);
      else if constexpr (std::same_as<type, log_exception>)
        append_escaped(out, x.text, how, log_string_bytes_max);
      else if constexpr (std::same_as<type, bool>)
        out += x ? "true" : "false";
      else if constexpr (std::same_as<type, double>)
        append_double(out, x);
      else
        append_number(out, x);
    },
    value);
}

void append_fixed(std::string& out, const log_value& value, int decimals,
                  escape how) {
  std::visit(
    [&](const auto& x) {
      using type = std::remove_cvref_t<decltype(x)>;
      if constexpr (std::is_arithmetic_v<type> && !std::same_as<type, bool>)
        append_number(out, static_cast<double>(x), std::chars_format::fixed,
                      decimals);
      else
        append_plain(out, value, how);
    },
    value);
}

/// The number of decimals that `{:.Nf}` asks for, 0 to 17, else -1.
int decimals_of(std::string_view placeholder) {
  if (!placeholder.starts_with("{:.") || !placeholder.ends_with("f}"))
    return -1;
  int result = -1;
  const auto digits = placeholder.substr(3, placeholder.size() - 5);
  const auto* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, result);
  return read.ptr == end && result >= 0 && result <= 17 ? result : -1;
}

} // namespace

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text, escape::json, log_string_bytes_max);
  out += '"';
}

void append_json_value(std::string& out, const log_value& value) {
  const auto* number = std::get_if<double>(&value);
  const bool quoted = std::holds_alternative<std::string_view>(value)
                      || (number != nullptr && !std::isfinite(*number));
  if (quoted)
    out += '"';
  if (number != nullptr && quoted)
    append_number(out, *number);
  else
    append_plain(out, value, escape::json);
  if (quoted)
    out += '"';
}

void append_message(std::string& out, std::string_view text,
                    std::span<const log_value> args, escape how) {
  auto rest = text;
  auto next = args.begin();
  while (next != args.end()) {
    const auto open = rest.find('{');
    const auto close = rest.find('}', open);
    if (close == std::string_view::npos)
      break;
    append_escaped(out, rest.substr(0, open), how);
    const auto placeholder = rest.substr(open, close + 1 - open);
    if (const auto decimals = decimals_of(placeholder); decimals >= 0)
      append_fixed(out, *next++, decimals, how);
    else if (placeholder == "{}")
      append_plain(out, *next++, how);
    else
      append_escaped(out, placeholder, how);
    rest.remove_prefix(close + 1);
  }
  append_escaped(out, rest, how, log_string_bytes_max);
}

} // namespace tunerd
