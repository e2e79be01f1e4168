#pragma once

#include "runtime/tunerctl/session.hpp"

#include <functional>
#include <string>

namespace tunerd::tunerctl {

/// @returns whether standard output is a terminal.
bool is_terminal();

/// @returns whether it is one that shows colours, and they are wanted: not with
/// NO_COLOR in the environment.
bool has_colours();

/// @returns `text` as it replaces what a terminal of `rows` rows shows: without
/// flicker, cut below.
std::string redrawn(const std::string& text, size_t rows);

/// The terminal as a live view has it: what stood there comes back in the end,
/// also when a signal ends the program, and while one has stopped it. One at a
/// time.
class screen {
public:
  screen();
  ~screen();
  screen(const screen&) = delete;
  screen& operator=(const screen&) = delete;

  /// How many lines there are now.
  static size_t rows();

  /// Shows `text` instead of what is shown.
  void show(const std::string& text);
};

/// Runs `command` every `seconds` until interrupted. On a terminal each result
/// replaces the one before, and failures are shown and tried again; else they
/// follow each other, and a failure ends it.
void watch(const session& s, const std::function<void(const session&)>& command,
           int seconds);

} // namespace tunerd::tunerctl
