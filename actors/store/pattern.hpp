#pragma once

#include <bitset>
#include <optional>
#include <string_view>
#include <vector>

// Patterns that people write into rules, matched against names that other
// people choose. std::regex and POSIX regexec may take exponential time for
// such a pair, or overflow the stack, and here that would stop the store. Both
// matchers below take O(pattern x text) steps and do not recurse over the text.
// They see bytes.

namespace tunerd::sql {

/// @returns whether all of `text` matches `glob`: `*`, `?`, `[a-z]`, `[!a-z]`.
bool matches_glob(std::string_view glob, std::string_view text);

/// A regular expression: literals, `.`, `[a-z]`, `[^a-z]`, `\d \D \w \W \s \S`,
/// escaped punctuation, `( )`, `(?: )`, `|`, `* + ? {m} {m,} {m,n}`, `^`, `$`.
/// What is more (look-around, back-references, `\b`) is refused, as is what
/// would take more than 2,000 steps per byte.
class regex {
public:
  /// @returns none if `text` is refused.
  static std::optional<regex> parse(std::string_view text);

  /// @returns whether `text` begins with a match.
  bool matches_start_of(std::string_view text) const;

private:
  friend class regex_parser;

  enum class step : uint8_t { one_of, go, fork, at_start, at_end };

  /// One instruction. Jumps are relative, so that code can be copied.
  struct instruction {
    step what;
    std::bitset<256> set = {};
    int first = 0;
    int second = 0;
  };
  using code = std::vector<instruction>;

  code code_;
};

} // namespace tunerd::sql
