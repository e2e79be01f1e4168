#include "actors/http_gateway/log_tail.hpp"

#include "actors/support/log_escape.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tunerd::rest {

namespace {

constexpr size_t line_bytes_max = 16 * 1024;

/// @returns the length of the longest end of `before` that `after` begins
/// with (Knuth, Morris and Pratt: linear whatever the texts).
size_t overlap(std::string_view before, std::string_view after) {
  before = before.substr(before.size() - std::min(before.size(), after.size()));
  // borders[i]: the longest proper end of after[0..i] that it begins with.
  std::vector<uint32_t> borders(after.size(), 0);
  const auto extend = [&](size_t matched, char c) {
    while (matched > 0 && (matched == after.size() || after[matched] != c))
      matched = borders[matched - 1];
    return after[matched] == c ? matched + 1 : matched;
  };
  for (size_t i = 1; i < after.size(); ++i)
    borders[i] = static_cast<uint32_t>(extend(borders[i - 1], after[i]));
  size_t matched = 0;
  for (const auto c : before)
    matched = extend(matched, c);
  return matched;
}

/// Appends `line` without what is not UTF-8; control characters stay.
void append_line(std::string& out, std::string_view line) {
  const auto is_control
    = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  out += "data: ";
  for (size_t at = 0; at < line.size();) {
    const auto* plain = line.data() + at;
    const auto* end
      = std::find_if(plain, line.data() + line.size(), is_control);
    const auto length = static_cast<size_t>(end - plain);
    append_escaped(out, line.substr(at, length), escape::text);
    at += length;
    if (at < line.size())
      out += line[at++];
  }
  out += "\n\n";
}

/// @returns how much of `rest` its first line takes without its end; npos if
/// nothing ends it yet.
size_t line_length(std::string_view rest, bool is_over) {
  const auto length = rest.find_first_of("\r\n");
  // A \r at the very end may be half of an \r\n.
  const auto is_ended
    = length != rest.npos && (rest[length] == '\n' || length + 1 < rest.size());
  if (std::min(length, rest.size()) > line_bytes_max) {
    auto cut = line_bytes_max;
    while (cut > line_bytes_max - 3
           && (static_cast<unsigned char>(rest[cut]) & 0xc0) == 0x80)
      --cut; // not in the middle of a character
    return cut;
  }
  if (is_ended)
    return length;
  return is_over ? std::min(length, rest.size()) : rest.npos;
}

size_t end_length(std::string_view rest) {
  if (rest.starts_with("\r\n"))
    return 2;
  return rest.starts_with('\r') || rest.starts_with('\n') ? 1 : 0;
}

} // namespace

void log_tail::update(std::string text) {
  const std::string_view before = text_;
  if (text.empty() || before.starts_with(text) || before.ends_with(text))
    return;
  const auto common
    = text.starts_with(before) ? before.size() : overlap(before, text);
  const auto unsent = text_.size() - sent_;
  sent_ = common - std::min(common, unsent);
  text_ = std::move(text);
}

std::string log_tail::next(size_t bytes_max, bool is_over) {
  std::string out;
  while (sent_ < text_.size() && out.size() < bytes_max) {
    const auto rest = std::string_view{text_}.substr(sent_);
    const auto length = line_length(rest, is_over);
    if (length == rest.npos)
      break;
    append_line(out, rest.substr(0, length));
    sent_ += length + end_length(rest.substr(length));
  }
  return out;
}

} // namespace tunerd::rest
