#include "actors/support/log_escape.hpp"

#include <array>
#include <cstdint>

namespace tunerd {

namespace {

enum class kind : uint8_t { plain, quote, control, wide };

constexpr std::array<kind, 256> kinds = [] {
  std::array<kind, 256> result{};
  for (size_t i = 0; i < 256; ++i)
    result[i] = i < 0x20 || i == 0x7f   ? kind::control
                : i == '"' || i == '\\' ? kind::quote
                : i >= 0x80             ? kind::wide
                                        : kind::plain;
  return result;
}();

uint8_t byte(char x) {
  return static_cast<uint8_t>(x);
}

struct sequence {
  size_t length;
  bool valid;
};

/// Reads one UTF-8 sequence of two bytes or more at the front of `text`. An
/// invalid one is as long as its valid beginning, so that a character that is
/// cut off costs one U+FFFD.
sequence read_wide(std::string_view text) {
  const auto first = byte(text[0]);
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  // The range of the second byte excludes overlong forms, surrogates and
  // what lies above U+10FFFF.
  const uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (first < 0xc2 || first > 0xf4)
    return {1, false};
  for (size_t i = 1; i < length; ++i) {
    if (i >= text.size() || byte(text[i]) < (i == 1 ? low : 0x80)
        || byte(text[i]) > (i == 1 ? high : 0xbf))
      return {i, false};
  }
  return {length, true};
}

void append_control(std::string& out, char x) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '\\';
  switch (x) {
    case '\n': out += 'n'; return;
    case '\r': out += 'r'; return;
    case '\t': out += 't'; return;
    default:
      out += "u00";
      out += hex[byte(x) >> 4];
      out += hex[byte(x) & 15];
  }
}

/// Appends what stands at the front of `text`. @returns its length.
size_t append_special(std::string& out, std::string_view text, escape how) {
  switch (kinds[byte(text[0])]) {
    case kind::control: append_control(out, text[0]); return 1;
    case kind::wide: {
      const auto read = read_wide(text);
      out += read.valid ? text.substr(0, read.length) : "\xef\xbf\xbd";
      return read.length;
    }
    default:
      if (how == escape::json)
        out += '\\';
      out += text[0];
      return 1;
  }
}

/// At most `bytes_max` bytes of `text`, not ending inside a character.
std::string_view cut(std::string_view text, size_t bytes_max) {
  while (bytes_max > 0 && (byte(text[bytes_max]) & 0xc0) == 0x80)
    --bytes_max;
  return text.substr(0, bytes_max);
}

} // namespace

void append_escaped(std::string& out, std::string_view text, escape how,
                    size_t bytes_max) {
  if (text.size() > bytes_max) {
    append_escaped(out, cut(text, bytes_max), how);
    out += "...";
    return;
  }
  for (size_t begin = 0; begin < text.size();) {
    auto end = begin;
    while (end < text.size() && kinds[byte(text[end])] == kind::plain)
      ++end;
    out.append(text, begin, end - begin);
    begin = end;
    if (begin < text.size())
      begin += append_special(out, text.substr(begin), how);
  }
}

std::string_view base_name_of(std::string_view function) {
  // The first parenthesis outside of template arguments opens the parameters;
  // "(anonymous namespace)" is none.
  size_t depth = 0, end = 0;
  for (; end < function.size(); ++end) {
    const char x = function[end];
    if (x == '<')
      ++depth;
    else if (x == '>' && depth > 0)
      --depth;
    else if (x == '(' && depth == 0
             && !function.substr(end).starts_with("(anonymous"))
      break;
  }
  const auto name = function.substr(0, end);
  const auto begin = name.find_last_of(":*& ") + 1;
  if (end < function.size() && name.substr(begin) != "operator")
    return name.substr(begin);
  // operator(), or one that has confused the count above.
  const auto op = function.find("::operator");
  if (op == std::string_view::npos)
    return name.substr(begin);
  return function.substr(op + 2, function.find('(', op + 11) - op - 2);
}

} // namespace tunerd
