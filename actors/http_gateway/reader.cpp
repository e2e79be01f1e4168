#include "actors/http_gateway/reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>

namespace tunerd::rest {

namespace {

using nlohmann::json;

constexpr int depth_max = 64;
constexpr size_t warnings_max = 32, name_bytes_max = 64, id_bytes_max = 128;

/// @returns whether brackets nest at most `depth_max` deep. Judges text that
/// is not JSON, too, which the parser refuses afterwards.
bool is_shallow(const std::string& text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size() && depth <= depth_max; ++i) {
    const auto c = text[i];
    if (in_string && c == '\\')
      ++i;
    else if (c == '"')
      in_string = !in_string;
    else if (!in_string && (c == '{' || c == '['))
      ++depth;
    else if (!in_string && (c == '}' || c == ']'))
      --depth;
  }
  return depth <= depth_max;
}

/// @param at Count of bytes read when the parser gave up.
refusal malformed(const std::string& text, size_t at) {
  const auto byte = std::clamp<size_t>(at, 1, text.size() + 1);
  const auto before = std::string_view{text}.substr(0, byte - 1);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto line_begin = before.rfind('\n') + 1; // 0 in the first line
  const auto column = byte - line_begin;
  return {.message = "body: not JSON at line " + std::to_string(line)
                     + ", column " + std::to_string(column),
          .line = line,
          .column = static_cast<int64_t>(column),
          .byte = static_cast<int64_t>(byte)};
}

/// @returns whether `text` (UTF-8) has one of U+0080 to U+009F: two bytes,
/// which some terminals obey like an escape.
bool has_late_control(std::string_view text) {
  return std::adjacent_find(text.begin(), text.end(),
                            [](char a, char b) {
                              return a == '\xc2'
                                     && static_cast<unsigned char>(b) < 0xa0;
                            })
         != text.end();
}

/// @returns whether `text` has a control character but those in `except`.
bool has_control(std::string_view text, std::string_view except = {}) {
  return has_late_control(text)
         || std::any_of(text.begin(), text.end(), [except](char c) {
              return (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
                     && except.find(c) == except.npos;
            });
}

/// Of valid UTF-8, which JSON is.
size_t count_characters(std::string_view text) {
  return static_cast<size_t>(
    std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string range(int64_t from, int64_t to) {
  return "want " + std::to_string(from) + " to " + std::to_string(to);
}

/// @returns whether `value` is an integer in the range; fills `out` then.
bool read_integer(const json& value, int64_t from, int64_t to, int64_t& out) {
  if (!value.is_number_integer())
    return false;
  if (value.is_number_unsigned()
      && value.get<uint64_t>()
           > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return false;
  out = value.get<int64_t>();
  return out >= from && out <= to;
}

std::string not_offered(const std::string& key) {
  return key + " is not offered yet and has no effect";
}

/// Adds a line for `key` while there is room.
void add_unknown(const std::string& key, std::vector<std::string>& out) {
  if (out.size() < warnings_max)
    out.push_back("unknown field ignored: " + cut(key, name_bytes_max));
}

} // namespace

or_refusal<json> parse_object(const std::string& text) {
  if (!is_shallow(text))
    return invalid("body", "nests more than 64 deep");
  try {
    auto value = json::parse(text);
    if (!value.is_object())
      return invalid("body", "want a JSON object");
    return value;
  } catch (const json::parse_error& e) {
    return malformed(text, e.byte);
  } catch (const json::exception&) { // a number that no double can hold
    return invalid("body", "has a number out of range");
  }
}

const json* body_reader::find(const std::string& key) {
  known_.insert(key);
  const auto i = object_.find(key);
  return i == object_.end() || i->is_null() ? nullptr : &*i;
}

bool body_reader::has(const std::string& key) const {
  return object_.contains(key);
}

bool body_reader::is_null(const std::string& key) {
  return find(key) == nullptr && has(key);
}

void body_reader::fail(const std::string& key, const std::string& want) {
  if (!mistake_)
    mistake_ = invalid(key, want);
}

void body_reader::text(const std::string& key, std::string& out,
                       size_t bytes_max) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  const auto* text = value->get_ptr<const std::string*>();
  if (text == nullptr || text->size() > bytes_max || has_control(*text))
    return fail(key, "want a text of at most " + std::to_string(bytes_max)
                       + " bytes");
  out = *text;
}

void body_reader::text(const std::string& key, caf::optional<std::string>& out,
                       size_t bytes_max) {
  std::string value;
  text(key, value, bytes_max);
  if (find(key) != nullptr)
    out = std::move(value);
}

void body_reader::prose(const std::string& key, caf::optional<std::string>& out,
                        size_t chars_max) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  const auto* text = value->get_ptr<const std::string*>();
  if (text == nullptr || count_characters(*text) > chars_max
      || has_control(*text, "\n\r\t"))
    return fail(key, "want a text of at most " + std::to_string(chars_max)
                       + " characters");
  out = *text;
}

void body_reader::id(const std::string& key, std::string& out) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  int64_t number = 0;
  if (!value->is_number())
    return text(key, out, id_bytes_max);
  if (!read_integer(*value, std::numeric_limits<int64_t>::min(),
                    std::numeric_limits<int64_t>::max(), number))
    return fail(key, "want a text or an integer");
  out = std::to_string(number);
}

void body_reader::integer(const std::string& key, caf::optional<int32_t>& out,
                          int32_t from, int32_t to) {
  caf::optional<int64_t> number;
  integer(key, number, from, to);
  if (number)
    out = static_cast<int32_t>(*number);
}

void body_reader::integer(const std::string& key, caf::optional<int64_t>& out,
                          int64_t from, int64_t to) {
  const auto* value = find(key);
  int64_t number = 0;
  if (value == nullptr)
    return;
  if (!read_integer(*value, from, to, number))
    return fail(key, range(from, to));
  out = number;
}

void body_reader::boolean(const std::string& key, caf::optional<bool>& out) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  if (!value->is_boolean())
    return fail(key, "want true or false");
  out = value->get<bool>();
}

void body_reader::usd(const std::string& key, caf::optional<int64_t>& out) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  constexpr double most = 1e6;
  const auto amount = value->is_number() ? value->get<double>() : -1;
  if (!(amount >= 0 && amount <= most))
    return fail(key, "want 0 to 1000000 USD");
  out = std::llround(amount * 1e6);
}

void body_reader::ignored(const std::string& key) {
  if (find(key) != nullptr)
    ignored_.push_back(not_offered(key));
}

std::vector<std::string> body_reader::warnings() const {
  auto out = ignored_;
  for (const auto& [key, value] : object_.items())
    if (known_.count(key) == 0)
      add_unknown(key, out);
  return out;
}

const std::string* query_reader::find(const std::string& key) {
  known_.insert(key);
  for (const auto& [name, value] : parameters_)
    if (name == key && !value.empty())
      return &value;
  return nullptr;
}

void query_reader::fail(const std::string& key, const std::string& want) {
  if (!mistake_)
    mistake_ = invalid(key, want);
}

void query_reader::text(const std::string& key, std::string& out,
                        size_t bytes_max) {
  const auto* value = find(key);
  if (value != nullptr && value->size() > bytes_max)
    return fail(key, "want at most " + std::to_string(bytes_max) + " bytes");
  if (value != nullptr)
    out = *value;
}

void query_reader::integer(const std::string& key, int64_t& out, int64_t from,
                           int64_t to) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  int64_t number = 0;
  const auto* end = value->data() + value->size();
  const auto read = std::from_chars(value->data(), end, number);
  if (read.ec != std::errc{} || read.ptr != end || number < from || number > to)
    return fail(key, range(from, to));
  out = number;
}

void query_reader::boolean(const std::string& key, bool& out) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  if (*value != "true" && *value != "1" && *value != "false" && *value != "0")
    return fail(key, "want true or false");
  out = *value == "true" || *value == "1";
}

void query_reader::ignored(const std::string& key) {
  if (find(key) != nullptr)
    ignored_.push_back(not_offered(key));
}

std::vector<std::string> query_reader::warnings() const {
  auto out = ignored_;
  for (const auto& [name, value] : parameters_)
    if (known_.count(name) == 0)
      add_unknown(name, out);
  return out;
}

} // namespace tunerd::rest
