#include "config/sections.hpp"

#include <algorithm>
#include <cctype>

namespace tunerd::config {

namespace {

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return text;
}

} // namespace

void read_section(reader& in, logging& out) {
  // Lenient, as documented: logging must work whatever the variables say.
  std::string level = to_string(out.level), format = "json";
  in.read({"tunerd.logging.level", "SIMPLETUNER_LOG_LEVEL"}, level);
  const auto known = parse_log_level(level);
  out.level = known.value_or(log_level::info);
  if (!known)
    in.warn("tunerd.logging.level: unknown level '" + level + "', using INFO");
  in.read({"tunerd.logging.format", "SIMPLETUNER_LOG_FORMAT"}, format);
  out.json_output = upper(format) == "JSON";
  in.read({"tunerd.logging.file", "SIMPLETUNER_LOG_FILE"}, out.file);
  out.levels.clear();
  for (const auto& x :
       in.read_items("tunerd.logging.levels", {"logger", "level"}, "logger")) {
    const auto name = x.values.find("logger");
    const auto text = x.values.find("level");
    const auto its
      = text == x.values.end() ? std::nullopt : parse_log_level(text->second);
    if (name == x.values.end() || name->second.empty())
      throw error{x.where + ".logger: want a name"};
    if (!its)
      throw error{x.where
                  + ".level: want DEBUG, INFO, WARNING, ERROR or "
                    "CRITICAL"};
    out.levels[name->second] = *its;
  }
  in.read("tunerd.logging.secret_keys", out.secret_words);
  for (auto& word : out.secret_words) {
    if (word.empty())
      throw error{"tunerd.logging.secret_keys: want words"};
    std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) {
      return c == '-' ? '_' : std::tolower(c);
    });
  }
  in.read("tunerd.logging.include_stack_info", out.include_stack_info);
  in.read("tunerd.logging.rotate_megabytes", out.rotate_megabytes, 0,
          1'000'000);
  in.read("tunerd.logging.rotate_daily", out.rotate_daily);
  in.read("tunerd.logging.rotated_files", out.rotated_files, 1, 1'000);
}

} // namespace tunerd::config
