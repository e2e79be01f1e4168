#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace tunerd::tunerctl {

/// One column of a table: its title and the field of each row it shows.
struct column {
  std::string title;
  std::string field;
  /// It says how something is: shown in the colour of that.
  bool is_state = false;
};

/// @returns `value` as a person reads it: text bare, null as "-".
std::string cell(const nlohmann::json& value);

/// @returns `rows` as lines of aligned columns, a title line first. Control
/// characters are replaced, so no stored text can steer a terminal.
/// @param colour Whether states and titles stand out on a terminal.
std::string render_table(const std::vector<column>& columns,
                         const nlohmann::json& rows, bool colour = false);

/// @returns an object as lines "name  value", in its own order.
std::string render_object(const nlohmann::json& object);

} // namespace tunerd::tunerctl
