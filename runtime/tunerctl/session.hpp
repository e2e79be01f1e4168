#pragma once

#include "runtime/tunerctl/client.hpp"

#include <iosfwd>
#include <string>

namespace tunerd::tunerctl {

/// What every command needs.
struct session {
  target to;
  /// JSON for programs instead of tables for people.
  bool json = false;
  std::ostream& out;
  /// Whether `out` may be coloured.
  bool colour = false;

  /// Prints `answer` to programs, `text` to people.
  void print(const nlohmann::json& answer, const std::string& text) const;
};

/// @returns `text` so that it can stand in a path or a query.
std::string escaped(const std::string& text);

/// @returns `text` with control characters other than line breaks and tabs
/// replaced, so that nothing stored can steer a terminal.
std::string harmless(std::string text);

} // namespace tunerd::tunerctl
