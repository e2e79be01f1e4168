#include "actors/support/log_line.hpp"

#include "actors/support/log_cache.hpp"
#include "actors/support/log_escape.hpp"
#include "actors/support/log_message.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cxxabi.h>
#include <memory>

namespace tunerd {

namespace {

constexpr std::array<std::string_view, 5> level_names{
  "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};

constexpr std::array<std::string_view, 5> usual_secrets{
  "token", "secret", "password", "api_key", "authorization"};
constexpr size_t secret_bytes_min = 5;

std::string_view name_of(log_level level) {
  return level_names[std::min<size_t>(static_cast<size_t>(level), 4)];
}

/// Appends the last `width` digits of `value`.
template <size_t width>
void append_padded(std::string& out, unsigned value) {
  std::array<char, width> digits;
  for (auto i = digits.rbegin(); i != digits.rend(); ++i, value /= 10)
    *i = static_cast<char>('0' + value % 10);
  out.append(digits.data(), width);
}

void append_time(std::string& out, timestamp time, log_cache* cache) {
  using namespace std::chrono;
  if (cache != nullptr)
    out += cache->second(time);
  else
    append_second(out, time, 'T');
  const auto in_second = floor<milliseconds>(time) - floor<seconds>(time);
  append_padded<3>(out += '.', static_cast<unsigned>(in_second.count()));
  out += 'Z';
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

/// Appends e.g. "std::runtime_error: disk full" as a JSON string.
void append_error(std::string& out, const log_exception& error) {
  std::string_view type;
  std::unique_ptr<char, decltype(&std::free)> name{nullptr, std::free};
  if (error.type != nullptr) {
    int status = 0;
    name.reset(
      abi::__cxa_demangle(error.type->name(), nullptr, nullptr, &status));
    type = name != nullptr ? name.get() : error.type->name();
  }
  out += '"';
  append_escaped(out, type, escape::json, log_name_bytes_max);
  if (!type.empty())
    out += ": ";
  append_escaped(out, error.text, escape::json, log_string_bytes_max);
  out += '"';
}

void append_exception(std::string& out, const log_record& record) {
  if (const auto* error = find_exception(record)) {
    out += ", \"exception\": ";
    append_error(out, *error);
  }
  if (!record.stack.empty()) {
    out += ", \"stack_info\": ";
    append_quoted(out, record.stack);
  }
}

/// Fields of limited size in the making, after a brace or other fields.
class field_list {
public:
  field_list(std::string& out, std::span<const std::string> secret_words)
    : out_(out), secret_words_(secret_words), begin_(out.size()) {
  }

  void add(std::string_view key, const log_value& value) {
    const auto used = out_.size() - begin_;
    if (cut_ > 0 || count_ == log_fields_max || used >= log_fields_bytes_max) {
      ++cut_;
      return;
    }
    ++count_;
    out_ += out_.back() == '{' ? "\"" : ", \"";
    append_escaped(out_, key, escape::json, log_name_bytes_max);
    out_ += "\": ";
    if (is_secret(key, secret_words_))
      out_ += "\"***\"";
    else
      append_json_value(out_, value, log_fields_bytes_max - used);
  }

  /// Says how many are missing, if any.
  void end() {
    if (cut_ == 0)
      return;
    out_ += ", \"...\": \""; // not the first
    out_ += std::to_string(cut_);
    out_ += " fields cut\"";
  }

private:
  std::string& out_;
  const std::span<const std::string> secret_words_;
  const size_t begin_;
  size_t count_ = 0;
  size_t cut_ = 0;
};

/// Whether `extra` gets the key from the fields.
bool contains(std::span<const log_field> fields, std::string_view key) {
  return std::any_of(fields.begin(), fields.end(), [&](const log_field& x) {
    return x.first == key && !std::holds_alternative<log_exception>(x.second);
  });
}

void append_own(std::string& out, const log_record& record) {
  field_list list{out, record.secret_words};
  for (auto fields = record.fields; !fields.empty();
       fields = fields.subspan(1)) {
    const auto& [key, value] = fields.front();
    const bool wins = !contains(fields.subspan(1), key);
    if (wins && !std::holds_alternative<log_exception>(value))
      list.add(key, value);
  }
  list.end();
}

/// Whether the line shows the scope as it is.
bool is_whole(const log_record& record) {
  const auto& scope = record.scope_fields;
  return record.fields.empty()
         || std::none_of(scope.begin(), scope.end(), [&](const auto& x) {
              return contains(record.fields, x.first);
            });
}

void append_extra(std::string& out, const log_record& record,
                  log_cache* cache) {
  out += ", \"extra\": ";
  if (cache != nullptr && record.scope != 0 && is_whole(record))
    out += cache->scope(record);
  else
    append_scope(out, record, record.fields);
  append_own(out, record);
  out += '}';
}

} // namespace

void append_json(std::string& out, const log_record& record, log_cache* cache) {
  const auto* place = cache == nullptr ? nullptr : &cache->place_of(record);
  out += "{\"timestamp\": \"";
  append_time(out, record.time, cache);
  if (place != nullptr)
    out += place->head;
  else
    append_head(out, record.level, record.logger_name);
  append_message(out, record.text.format, record.args, escape::json);
  out += "\", \"correlation_id\": \"";
  append_escaped(out, record.correlation_id, escape::json, log_name_bytes_max);
  if (place != nullptr)
    out += place->source;
  else
    append_source(out, record.text.where);
  append_exception(out, record);
  append_extra(out, record, cache);
  out += "}\n";
}

void append_text(std::string& out, const log_record& record) {
  append_second(out, record.time, ' ');
  out += " [";
  out += name_of(record.level);
  out += "] ";
  append_escaped(out, record.logger_name, escape::text, log_name_bytes_max);
  out += " (";
  append_escaped(out, record.correlation_id, escape::text, log_name_bytes_max);
  out += "): ";
  append_message(out, record.text.format, record.args, escape::text);
  out += '\n';
}

bool wants_stack(const log_record& record) noexcept {
  return record.level >= log_level::error || find_exception(record) != nullptr;
}

void append_second(std::string& out, timestamp time, char between) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<seconds>(time - day)};
  append_padded<4>(out, static_cast<unsigned>(static_cast<int>(date.year())));
  append_padded<2>(out += '-', static_cast<unsigned>(date.month()));
  append_padded<2>(out += '-', static_cast<unsigned>(date.day()));
  append_padded<2>(out += between,
                   static_cast<unsigned>(clock.hours().count()));
  append_padded<2>(out += ':', static_cast<unsigned>(clock.minutes().count()));
  append_padded<2>(out += ':', static_cast<unsigned>(clock.seconds().count()));
}

void append_head(std::string& out, log_level level,
                 std::string_view logger_name) {
  out += "\", \"level\": \"";
  out += name_of(level);
  out += "\", \"logger\": ";
  append_quoted(out, logger_name, log_name_bytes_max);
  out += ", \"message\": \"";
}

void append_source(std::string& out, const std::source_location& where) {
  const std::string_view path{where.file_name()};
  out += "\", \"source\": {\"file\": ";
  append_quoted(out, path.substr(path.rfind('/') + 1), log_name_bytes_max);
  out += ", \"line\": ";
  append_json_value(out, uint64_t{where.line()});
  out += ", \"function\": ";
  append_quoted(out, base_name_of(where.function_name()), log_name_bytes_max);
  out += '}';
}

void append_scope(std::string& out, const log_record& record,
                  std::span<const log_field> own) {
  out += '{';
  field_list list{out, record.secret_words};
  for (const auto& [key, value] : record.scope_fields)
    if (!contains(own, key))
      list.add(key, std::string_view{value});
  list.end();
}

bool is_secret(std::string_view key,
               std::span<const std::string> words) noexcept {
  for (; !key.empty(); key.remove_prefix(1)) {
    for (const auto& word : words)
      if (begins_with(key, word))
        return true;
    // Most keys are short and harmless, and every line pays for them.
    const auto first = key[0] | 0x20; // in lower case
    if (key.size() < secret_bytes_min
        || (first != 't' && first != 's' && first != 'p' && first != 'a'))
      continue;
    for (const auto word : usual_secrets)
      if (begins_with(key, word))
        return true;
  }
  return false;
}

} // namespace tunerd
