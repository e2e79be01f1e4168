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
};

// Each command blocks, prints its result and throws `failure` if it has none.

/// @param file JSON of the submission; "-" reads standard input.
void submit(const session& s, const std::string& file,
            const std::string& provider);
void jobs(const session& s, const std::string& status, int limit);
void job(const session& s, const std::string& id);
void cancel(const session& s, const std::string& id);
void queue(const session& s);
void workers(const session& s);

/// Prints events from `since` on (empty: from now on). With `follow`
/// reconnects for ever; else stops when nothing has come for a second.
void events(const session& s, const std::string& since, bool follow);

} // namespace tunerd::tunerctl
