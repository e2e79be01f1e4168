#include "actors/store/postgres_text.hpp"

#include <algorithm>
#include <cstdint>

namespace tunerd::sql {

namespace {

constexpr std::string_view hint = " INDEXED BY ";
constexpr std::string_view replacement = "\xEF\xBF\xBD";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// @returns where the quoted text that begins at `from` ends.
size_t quoted_end(std::string_view sql, size_t from) {
  const auto last = sql.find('\'', from + 1);
  return last == std::string_view::npos ? sql.size() : last + 1;
}

/// @returns where the name that begins at `from` ends.
size_t name_end(std::string_view sql, size_t from) {
  while (from < sql.size() && is_letter(sql[from]))
    ++from;
  return from;
}

/// A character's first byte decides how many follow, and between what bounds
/// the second lies: so none is longer than it need be, nor too large, nor half
/// of a UTF-16 pair.
struct lead {
  uint8_t first;
  uint8_t last;
  size_t size;
  uint8_t second_min;
  uint8_t second_max;
};

constexpr lead leads[] = {
  {0x01, 0x7F, 1, 0, 0},       {0xC2, 0xDF, 2, 0x80, 0xBF},
  {0xE0, 0xE0, 3, 0xA0, 0xBF}, {0xE1, 0xEC, 3, 0x80, 0xBF},
  {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
  {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF},
  {0xF4, 0xF4, 4, 0x80, 0x8F},
};

bool is_between(char c, uint8_t low, uint8_t high) {
  const auto x = static_cast<uint8_t>(c);
  return x >= low && x <= high;
}

/// @returns the size of the character that `text` begins with, 0 if it is none.
size_t character_size(std::string_view text) {
  for (const auto& x : leads) {
    if (!is_between(text[0], x.first, x.last))
      continue;
    if (x.size == 1)
      return 1;
    if (text.size() < x.size
        || !is_between(text[1], x.second_min, x.second_max))
      return 0;
    for (size_t i = 2; i < x.size; ++i)
      if (!is_between(text[i], 0x80, 0xBF))
        return 0;
    return x.size;
  }
  return 0;
}

} // namespace

std::string as_postgres(std::string_view sql) {
  std::string result;
  result.reserve(sql.size());
  for (size_t i = 0; i < sql.size();) {
    if (sql[i] == '\'') {
      const auto end = quoted_end(sql, i);
      result += sql.substr(i, end - i);
      i = end;
    } else if (sql.substr(i).starts_with(hint)) {
      i = name_end(sql, i + hint.size());
    } else if (sql[i] == '+' && i + 1 < sql.size() && is_letter(sql[i + 1])) {
      ++i;
    } else {
      result += sql[i] == '?' ? '$' : sql[i];
      ++i;
    }
  }
  return result;
}

std::string as_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto size = character_size(text);
    result += size == 0 ? replacement : text.substr(0, size);
    text.remove_prefix(std::max(size, size_t{1}));
  }
  return result;
}

} // namespace tunerd::sql
