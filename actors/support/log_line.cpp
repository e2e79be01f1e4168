#include "actors/support/log_line.hpp"

#include "actors/support/log_escape.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace tunerd {

namespace {

constexpr std::array<std::string_view, 5> level_names{
  "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};

std::string_view name_of(log_level level) {
  return level_names[std::min<size_t>(static_cast<size_t>(level), 4)];
}

/// Appends the last `width` digits of `value`.
void append_padded(std::string& out, unsigned value, int width) {
  out.append(static_cast<size_t>(width), '0');
  for (auto i = out.rbegin(); width > 0; ++i, --width, value /= 10)
    *i = static_cast<char>('0' + value % 10);
}

void append_time(std::string& out, timestamp time, char between, bool millis) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<milliseconds>(time - day)};
  append_padded(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  append_padded(out += '-', static_cast<unsigned>(date.month()), 2);
  append_padded(out += '-', static_cast<unsigned>(date.day()), 2);
  out += between;
  append_padded(out, static_cast<unsigned>(clock.hours().count()), 2);
  append_padded(out += ':', static_cast<unsigned>(clock.minutes().count()), 2);
  append_padded(out += ':', static_cast<unsigned>(clock.seconds().count()), 2);
  if (millis) {
    append_padded(out += '.', static_cast<unsigned>(clock.subseconds().count()),
                  3);
    out += 'Z';
  }
}

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

/// Appends the text with its placeholders filled. One that is unknown or has
/// no argument stays as it is.
void append_message(std::string& out, const log_record& record, escape how) {
  auto rest = record.text.format;
  auto next = record.args.begin();
  while (next != record.args.end()) {
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

void append_source(std::string& out, const std::source_location& where) {
  const std::string_view path{where.file_name()};
  out += ", \"source\": {\"file\": ";
  append_quoted(out, path.substr(path.rfind('/') + 1));
  out += ", \"line\": ";
  append_number(out, where.line());
  out += ", \"function\": ";
  append_quoted(out, base_name_of(where.function_name()));
  out += '}';
}

const log_exception* find_exception(const log_record& record) noexcept {
  for (const auto& arg : record.args)
    if (const auto* found = std::get_if<log_exception>(&arg))
      return found;
  for (const auto& [key, value] : record.fields)
    if (const auto* found = std::get_if<log_exception>(&value))
      return found;
  return nullptr;
}

void append_exception(std::string& out, const log_record& record) {
  const auto* error = find_exception(record);
  if (error == nullptr)
    return;
  out += ", \"exception\": ";
  append_quoted(out, error->text);
  if (record.stack.empty())
    return;
  out += ", \"stack_info\": ";
  append_quoted(out, record.stack);
}

/// Appends `, "key": value`.
void append_field(std::string& out, std::string_view key,
                  const log_value& value) {
  out += ", ";
  append_quoted(out, key);
  out += ": ";
  append_json_value(out, is_secret(key) ? log_value{"***"} : value);
}

bool contains(std::span<const log_field> fields, std::string_view key) {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const log_field& x) { return x.first == key; });
}

void append_extra(std::string& out, const log_record& record) {
  out += ", \"extra\": {";
  const auto begin = out.size();
  for (const auto& [key, value] : record.scope_fields)
    if (!contains(record.fields, key))
      append_field(out, key, std::string_view{value});
  for (auto own = record.fields; !own.empty(); own = own.subspan(1)) {
    const auto& [key, value] = own.front();
    const bool wins = !contains(own.subspan(1), key);
    if (wins && !std::holds_alternative<log_exception>(value))
      append_field(out, key, value);
  }
  if (out.size() > begin)
    out.erase(begin, 2); // the first separator
  out += '}';
}

} // namespace

void append_json(std::string& out, const log_record& record) {
  out += "{\"timestamp\": \"";
  append_time(out, record.time, 'T', true);
  out += "\", \"level\": \"";
  out += name_of(record.level);
  out += "\", \"logger\": ";
  append_quoted(out, record.logger_name);
  out += ", \"message\": \"";
  append_message(out, record, escape::json);
  out += "\", \"correlation_id\": ";
  append_quoted(out, record.correlation_id);
  append_source(out, record.text.where);
  append_exception(out, record);
  append_extra(out, record);
  out += "}\n";
}

void append_text(std::string& out, const log_record& record) {
  append_time(out, record.time, ' ', false);
  out += " [";
  out += name_of(record.level);
  out += "] ";
  append_escaped(out, record.logger_name, escape::text);
  out += " (";
  append_escaped(out, record.correlation_id, escape::text);
  out += "): ";
  append_message(out, record, escape::text);
  out += '\n';
}

bool has_exception(const log_record& record) noexcept {
  return find_exception(record) != nullptr;
}

bool is_secret(std::string_view key) noexcept {
  const auto same = [](char x, char y) {
    const auto lower = x >= 'A' && x <= 'Z' ? x + ('a' - 'A') : x;
    return (lower == '-' ? '_' : lower) == y; // X-API-Key is one too
  };
  for (std::string_view word :
       {"token", "secret", "password", "api_key", "authorization"})
    if (std::search(key.begin(), key.end(), word.begin(), word.end(), same)
        != key.end())
      return true;
  return false;
}

} // namespace tunerd
