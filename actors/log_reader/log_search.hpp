#pragma once

#include "messages/logs.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

// Finding the lines of one unit of work in the text of a log. Pure.

namespace tunerd {

/// @returns `line`, JSON or text, taken apart; none if it is not a line of the
/// log or belongs to another correlation id. A message of more than 64 KiB is
/// cut, so many fields are left out.
std::optional<log_entry> parse_log_line(std::string_view line,
                                        std::string_view correlation_id);

/// Searches whole lines for those of one correlation id.
class log_search {
public:
  /// @param correlation_id 1-128 of `A-Z a-z 0-9 . _ : -`.
  explicit log_search(std::string correlation_id);

  /// Calls `found` with each line of the id in order until it returns false.
  /// @returns whether it never did.
  bool operator()(std::string_view text,
                  const std::function<bool(log_entry)>& found) const;

private:
  std::string correlation_id_;
  /// What a line of the id contains in either format.
  std::string in_json_;
  std::string in_text_;
};

} // namespace tunerd
