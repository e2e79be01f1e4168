#include "actors/store/pattern.hpp"

#include <re2/re2.h>

#include <string>

namespace tunerd::sql {

namespace {

constexpr size_t pattern_max = 256;

re2::RE2::Options options() {
  re2::RE2::Options result{re2::RE2::Latin1};
  result.set_log_errors(false);
  result.set_dot_nl(true);
  result.set_max_mem(256 * 1024);
  return result;
}

/// @returns how long the bracket expression at the front of `glob` is, 0 if it
/// is none. A `]` that comes first stands for itself.
size_t bracket_length(std::string_view glob) {
  const size_t first = glob.substr(1).starts_with('!') ? 2 : 1;
  const auto end = glob.find(']', first + 1);
  return end == std::string_view::npos ? 0 : end + 1;
}

/// Appends the bracket expression `glob` as RE2 writes it.
void append_bracket(std::string& out, std::string_view glob) {
  glob = glob.substr(1, glob.size() - 2);
  const bool negated = glob.starts_with('!');
  out += negated ? "[^" : "[";
  for (const char c : glob.substr(negated ? 1 : 0)) {
    if (c == '[' || c == ']' || c == '\\' || c == '^')
      out += '\\';
    out += c;
  }
  out += ']';
}

std::string as_regex(std::string_view glob) {
  std::string result;
  for (size_t i = 0; i < glob.size(); ++i) {
    const auto rest = glob.substr(i);
    const auto length = rest[0] == '[' ? bracket_length(rest) : 0;
    if (length > 0)
      append_bracket(result, rest.substr(0, length));
    else if (rest[0] == '*')
      result += ".*";
    else if (rest[0] == '?')
      result += '.';
    else
      result += re2::RE2::QuoteMeta({&rest[0], 1});
    i += length > 0 ? length - 1 : 0;
  }
  return result;
}

} // namespace

bool is_glob(std::string_view text) {
  return text.size() <= pattern_max
         && re2::RE2{as_regex(text), options()}.ok();
}

bool matches_glob(std::string_view glob, std::string_view text) {
  if (glob.size() > pattern_max)
    return false;
  const re2::RE2 compiled{as_regex(glob), options()};
  return compiled.ok()
         && re2::RE2::FullMatch({text.data(), text.size()}, compiled);
}

std::optional<regex> regex::parse(std::string_view text) {
  if (text.size() > pattern_max)
    return std::nullopt;
  regex result;
  result.compiled_ = std::make_shared<const re2::RE2>(
    re2::StringPiece{text.data(), text.size()}, options());
  if (!result.compiled_->ok())
    return std::nullopt;
  return result;
}

bool regex::matches_start_of(std::string_view text) const {
  return compiled_->Match({text.data(), text.size()}, 0, text.size(),
                          re2::RE2::ANCHOR_START, nullptr, 0);
}

} // namespace tunerd::sql
