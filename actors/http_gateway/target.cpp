#include "actors/http_gateway/target.hpp"

#include <algorithm>
#include <optional>

namespace tunerd::rest {

namespace {

constexpr size_t bytes_max = 8192, segments_max = 16, parameters_max = 64;

refusal bad_target(std::string why) {
  return {.error = "invalid_input", .message = "target: " + std::move(why)};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  const auto lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// @returns `text` without its escapes, or none: a broken escape or a control
/// character, which has no place in an id, a name or a header.
std::optional<std::string> decode(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = text[i];
    if (c == '%') {
      const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const auto low = high >= 0 ? hex_digit(text[i + 2]) : -1;
      if (low < 0)
        return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return std::nullopt;
    out += c;
  }
  return out;
}

/// Calls `use` with each part of `text` until it returns false.
template <class F>
bool split(std::string_view text, char at, F use) {
  for (;;) {
    const auto end = std::min(text.find(at), text.size());
    if (!use(text.substr(0, end)))
      return false;
    if (end == text.size())
      return true;
    text.remove_prefix(end + 1);
  }
}

bool add_segment(std::string_view text, target& out) {
  auto segment = decode(text, false);
  if (!segment || out.path.size() == segments_max)
    return false;
  out.path.push_back(std::move(*segment));
  return true;
}

bool add_parameter(std::string_view text, target& out) {
  if (text.empty())
    return true;
  const auto equals = std::min(text.find('='), text.size());
  auto name = decode(text.substr(0, equals), true);
  auto value = decode(text.substr(std::min(equals + 1, text.size())), true);
  if (!name || !value || out.parameters.size() == parameters_max)
    return false;
  for (const auto& known : out.parameters)
    if (known.first == *name)
      return false;
  out.parameters.emplace_back(std::move(*name), std::move(*value));
  return true;
}

} // namespace

or_refusal<target> parse_target(std::string_view text) {
  if (text.size() > bytes_max)
    return bad_target("longer than 8192 bytes");
  if (!text.starts_with('/'))
    return bad_target("want a path");
  const auto mark = std::min(text.find('?'), text.size());
  const auto path = text.substr(1, mark - 1);
  target out;
  if (!path.empty()
      && !split(path, '/', [&](auto part) { return add_segment(part, out); }))
    return bad_target("bad path");
  if (!out.path.empty() && out.path.back().empty())
    out.path.pop_back();
  if (mark < text.size() && !split(text.substr(mark + 1), '&', [&](auto part) {
        return add_parameter(part, out);
      }))
    return bad_target("bad query, or a parameter given twice");
  return out;
}

} // namespace tunerd::rest
