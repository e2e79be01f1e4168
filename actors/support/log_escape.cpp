#include "actors/support/log_escape.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

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

/// What one character becomes.
struct replacement {
  std::array<char, 6> bytes;
  size_t size;
};

replacement escape_control(char x) {
  constexpr std::string_view hex = "0123456789abcdef";
  switch (x) {
    case '\n': return {{'\\', 'n'}, 2};
    case '\r': return {{'\\', 'r'}, 2};
    case '\t': return {{'\\', 't'}, 2};
    default:
      return {{'\\', 'u', '0', '0', hex[byte(x) >> 4], hex[byte(x) & 15]}, 6};
  }
}

/// Appends what stands at the front of `text` if there is room for it.
/// @returns its length there, or 0.
size_t append_special(std::string& out, std::string_view text, escape how,
                      size_t room) {
  size_t length = 1;
  replacement written{{text[0]}, 1};
  switch (kinds[byte(text[0])]) {
    case kind::control: written = escape_control(text[0]); break;
    case kind::wide: {
      const auto read = read_wide(text);
      length = read.length;
      written = {{'\xef', '\xbf', '\xbd'}, 3};
      if (read.valid)
        written.size = text.copy(written.bytes.data(), length);
      break;
    }
    default:
      if (how == escape::json)
        written = {{'\\', text[0]}, 2};
  }
  if (written.size > room)
    return 0;
  out.append(written.bytes.data(), written.size);
  return length;
}

/// Whether eight bytes are all plain; may say no where they are.
bool all_plain(const char* bytes) {
  constexpr uint64_t ones = 0x0101010101010101, high = 0x80 * ones;
  uint64_t x = 0;
  std::memcpy(&x, bytes, sizeof x);
  const auto has = [](uint64_t differences) { // a byte that is zero
    return (differences - ones) & ~differences;
  };
  const auto found = x | ((x - 0x20 * ones) & ~x) | has(x ^ (0x22 * ones))
                     | has(x ^ (0x5c * ones)) | has(x ^ (0x7f * ones));
  return (found & high) == 0;
}

size_t count_plain(std::string_view text) {
  size_t end = 0;
  while (end + 8 <= text.size() && all_plain(text.data() + end))
    end += 8;
  while (end < text.size() && kinds[byte(text[end])] == kind::plain)
    ++end;
  return end;
}

} // namespace

size_t append_fitting(std::string& out, std::string_view text, escape how,
                      size_t room) {
  for (size_t done = 0;;) {
    const auto plain = count_plain(text.substr(done, room));
    out.append(text, done, plain);
    done += plain;
    room -= plain;
    if (done == text.size())
      return done;
    const auto before = out.size();
    const auto length = append_special(out, text.substr(done), how, room);
    if (length == 0)
      return done;
    done += length;
    room -= out.size() - before;
  }
}

void append_cut(std::string& out, size_t bytes) {
  out += "...[";
  out += std::to_string(bytes);
  out += " bytes cut]";
}

void append_escaped(std::string& out, std::string_view text, escape how,
                    size_t room) {
  const auto done = append_fitting(out, text, how, room);
  if (done < text.size())
    append_cut(out, text.size() - done);
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
