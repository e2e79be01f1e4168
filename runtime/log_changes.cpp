#include "runtime/log_changes.hpp"

#include <set>

namespace tunerd {

namespace {

/// @returns the level that `name` has of its own.
std::string own_level(const log_settings& x, const std::string& name) {
  const auto i = x.levels.find(name);
  return i == x.levels.end() ? "none" : to_string(i->second);
}

std::string yes_or_no(bool x) {
  return x ? "yes" : "no";
}

} // namespace

std::string log_changes(const log_settings& before, const log_settings& after) {
  std::string result;
  const auto compare = [&](const std::string& what, const std::string& was,
                           const std::string& is) {
    if (was != is)
      result += (result.empty() ? "" : ", ") + what + " " + was + " -> " + is;
  };
  compare("level", to_string(before.level), to_string(after.level));
  std::set<std::string> names;
  for (const auto* x : {&before, &after})
    for (const auto& [name, level] : x->levels)
      names.insert(name);
  for (const auto& name : names)
    compare(name, own_level(before, name), own_level(after, name));
  compare("json", yes_or_no(before.json_output), yes_or_no(after.json_output));
  if (before.secret_words != after.secret_words)
    compare("secret keys", std::to_string(before.secret_words.size()),
            std::to_string(after.secret_words.size()) + " words");
  compare("stack info", yes_or_no(before.include_stack_info),
          yes_or_no(after.include_stack_info));
  compare("file", "'" + before.file + "'", "'" + after.file + "'");
  compare("rotation at bytes", std::to_string(before.rotate_bytes),
          std::to_string(after.rotate_bytes));
  compare("daily rotation", yes_or_no(before.rotate_daily),
          yes_or_no(after.rotate_daily));
  compare("rotated files", std::to_string(before.rotated_max),
          std::to_string(after.rotated_max));
  return result;
}

} // namespace tunerd
