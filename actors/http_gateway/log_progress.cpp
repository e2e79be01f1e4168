#include "actors/http_gateway/log_progress.hpp"

#include "actors/support/log_escape.hpp"

#include <algorithm>
#include <array>

namespace tunerd::rest {

namespace {

constexpr size_t line_chars_max = 80;

constexpr std::array<std::string_view, 5> stages{
  "Preprocessing", "Warmup", "Training", "Validation", "Saving checkpoint"};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool is_letter(char c) {
  return lower(c) >= 'a' && lower(c) <= 'z';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// @returns where `word` stands in `line` as a whole word, any case, at
/// `begin` or after; npos if it does not.
size_t find_word(std::string_view line, std::string_view word,
                 size_t begin = 0) {
  const auto equal = [](char a, char b) { return lower(a) == lower(b); };
  for (auto from = line.begin() + static_cast<std::ptrdiff_t>(begin);; ++from) {
    from = std::search(from, line.end(), word.begin(), word.end(), equal);
    if (from == line.end())
      return line.npos;
    const auto after = from + static_cast<std::ptrdiff_t>(word.size());
    if ((from == line.begin() || !is_letter(from[-1]))
        && (after == line.end() || !is_letter(*after)))
      return static_cast<size_t>(from - line.begin());
  }
}

std::string_view stage_in(std::string_view line) {
  std::string_view found;
  size_t first = line.npos;
  for (const auto stage : stages)
    if (const auto at = find_word(line, stage); at < first) {
      first = at;
      found = stage;
    }
  return found;
}

void skip(std::string_view& text, std::string_view what) {
  text.remove_prefix(std::min(text.find_first_not_of(what), text.size()));
}

/// Takes a number off the front of `text`. Huge ones are 10^18.
caf::optional<int64_t> take_number(std::string_view& text) {
  constexpr int64_t most = 1'000'000'000'000'000'000;
  if (text.empty() || !is_digit(text[0]))
    return caf::none;
  int64_t number = 0;
  for (; !text.empty() && is_digit(text[0]); text.remove_prefix(1))
    number = number >= most / 10 ? most : number * 10 + (text[0] - '0');
  return number;
}

/// @returns the percentage at the front of `text`, e.g. 25 for ": 5/20".
caf::optional<int32_t> take_share(std::string_view text) {
  skip(text, " \t:=[(");
  const auto part = take_number(text);
  skip(text, " \t");
  if (!part || text.empty() || text[0] != '/')
    return caf::none;
  text.remove_prefix(1);
  skip(text, " \t");
  const auto whole = take_number(text);
  if (!whole || *whole == 0)
    return caf::none;
  if (*part >= *whole)
    return 100;
  constexpr int64_t exact = 10'000'000'000'000'000; // times 100 fits
  return static_cast<int32_t>(*whole > exact ? *part / (*whole / 100)
                                             : *part * 100 / *whole);
}

/// @returns the last percentage in `line`.
caf::optional<int32_t> percent_in(std::string_view line) {
  caf::optional<int32_t> result;
  size_t last = 0;
  for (const std::string_view word : {"step", "epoch"})
    for (auto at = find_word(line, word); at != line.npos;
         at = find_word(line, word, at + word.size()))
      if (const auto share = take_share(line.substr(at + word.size()));
          share && at >= last) {
        result = share;
        last = at;
      }
  return result;
}

/// @returns `line` as people see it: trimmed, cut, without control characters.
std::string shown(std::string_view line) {
  std::string printable;
  // What 80 characters may take, and some control characters between them.
  for (const auto c : line.substr(0, 16 * line_chars_max))
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
      printable += c;
  std::string text;
  append_escaped(text, printable, escape::text);
  size_t end = 0;
  for (size_t chars = 0; end < text.size(); ++end)
    if ((static_cast<unsigned char>(text[end]) & 0xc0) != 0x80
        && ++chars > line_chars_max)
      break;
  text.resize(end);
  return text;
}

std::string_view trimmed(std::string_view line) {
  skip(line, " \t");
  return line.substr(0, line.find_last_not_of(" \t") + 1);
}

} // namespace

log_progress read_progress(std::string_view logs) {
  log_progress out;
  while (!logs.empty()
         && (out.stage.empty() || out.last_line.empty() || !out.percent)) {
    const auto begin = logs.find_last_of("\r\n") + 1; // 0 in the first line
    const auto line = trimmed(logs.substr(begin));
    logs = logs.substr(0, begin == 0 ? 0 : begin - 1);
    if (out.last_line.empty())
      out.last_line = shown(line);
    if (out.stage.empty())
      out.stage = stage_in(line);
    if (!out.percent)
      out.percent = percent_in(line);
  }
  return out;
}

} // namespace tunerd::rest
