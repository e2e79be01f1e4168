#include "actors/support/log_line.hpp"

#include "actors/support/log_escape.hpp"
#include "actors/support/log_message.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace tunerd {

namespace {

constexpr std::array<std::string_view, 5> level_names{
  "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};

constexpr std::array<std::string_view, 5> secret_words{
  "token", "secret", "password", "api_key", "authorization"};
constexpr size_t secret_bytes_min = 5;

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

void append_source(std::string& out, const std::source_location& where) {
  const std::string_view path{where.file_name()};
  out += ", \"source\": {\"file\": ";
  append_quoted(out, path.substr(path.rfind('/') + 1));
  out += ", \"line\": ";
  append_json_value(out, uint64_t{where.line()});
  out += ", \"function\": ";
  append_quoted(out, base_name_of(where.function_name()));
  out += '}';
}

/// Whether the key begins with the lower-case word; X-API-Key has an api_key.
bool begins_with(std::string_view key, std::string_view word) noexcept {
  if (key.size() < word.size())
    return false;
  for (size_t i = 0; i < word.size(); ++i) {
    const char x = key[i] >= 'A' && key[i] <= 'Z'
                     ? static_cast<char>(key[i] + ('a' - 'A'))
                     : key[i];
    if ((x == '-' ? '_' : x) != word[i])
      return false;
  }
  return true;
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
  append_message(out, record.text.format, record.args, escape::json);
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
  append_message(out, record.text.format, record.args, escape::text);
  out += '\n';
}

bool has_exception(const log_record& record) noexcept {
  return find_exception(record) != nullptr;
}

bool is_secret(std::string_view key) noexcept {
  // Most keys are short and harmless, and every line pays for them.
  for (; key.size() >= secret_bytes_min; key.remove_prefix(1)) {
    const auto first = key[0] | 0x20; // in lower case
    if (first != 't' && first != 's' && first != 'p' && first != 'a')
      continue;
    for (const auto word : secret_words)
      if (begins_with(key, word))
        return true;
  }
  return false;
}

} // namespace tunerd
