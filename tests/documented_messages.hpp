#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tunerd::test {

/// One line of the table of messages that people grep for.
struct documented_message {
  std::string level;
  /// `{}` and `{:.Nf}` stand for values.
  std::string format;
};

/// @returns every documented message that tunerd has a reason to say.
const std::vector<documented_message>& documented_messages();

/// @returns whether `text` is what `format` becomes with some values.
bool is_instance(std::string_view text, std::string_view format);

/// What one place in the sources says at which level.
using logged_texts = std::map<std::string, std::set<std::string>>;

/// Adds the text of every call of a logger in `source` to `out`, with its
/// level, e.g. "Synced {} active jobs" with DEBUG. Comments do not count.
void find_logged_texts(const std::string& source, logged_texts& out);

} // namespace tunerd::test
