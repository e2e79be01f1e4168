#pragma once

#include <memory>
#include <optional>
#include <string_view>

namespace re2 {
class RE2;
}

// Patterns that people write into rules, matched against names that other
// people choose. std::regex and POSIX regexec may take exponential time for
// such a pair, or overflow the stack, and here that would stop the store. RE2
// takes linear time and bounded memory. All see bytes.

namespace tunerd::sql {

/// @returns whether `text` is a glob that can be matched: at most 256 bytes, no
/// range backwards.
bool is_glob(std::string_view text);

/// @returns whether all of `text` matches `glob`: `*`, `?`, `[a-z]`, `[!a-z]`.
/// A bracket that is not closed stands for itself. What is no glob matches
/// nothing.
bool matches_glob(std::string_view glob, std::string_view text);

/// A regular expression in RE2's syntax: no look-around, no back-references.
class regex {
public:
  /// @returns none if `text` is none, is longer than 256 bytes or would take
  /// more than 256 KiB.
  static std::optional<regex> parse(std::string_view text);

  /// @returns whether `text` begins with a match.
  bool matches_start_of(std::string_view text) const;

private:
  std::shared_ptr<const re2::RE2> compiled_;
};

} // namespace tunerd::sql
