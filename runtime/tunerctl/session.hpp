#pragma once

#include "runtime/tunerctl/client.hpp"

#include <iosfwd>
#include <string>
#include <string_view>

namespace tunerd::tunerctl {

/// What every command needs.
struct session {
  target to;
  /// JSON for programs instead of tables for people.
  bool json = false;
  std::ostream& out;
  /// Whether `out` may be coloured.
  bool colour = false;
  /// Whether `out` is a terminal, which no JSON may steer.
  bool to_terminal = false;

  /// Prints `answer` to programs, `text` to people.
  void print(const nlohmann::json& answer, const std::string& text) const;
};

/// @returns `text` so that it can stand in a path or a query.
std::string escaped(const std::string& text);

/// @returns `text` (UTF-8) with control characters other than those in `kept`
/// replaced, those of C1 too, so that nothing stored can steer a terminal.
std::string harmless(const std::string& text, std::string_view kept = "\n\t");

} // namespace tunerd::tunerctl
