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
  out.level = log_level::info;
  bool known = false;
  for (const auto candidate :
       {log_level::debug, log_level::info, log_level::warning, log_level::error,
        log_level::critical})
    if (to_string(candidate) == upper(level)) {
      out.level = candidate;
      known = true;
    }
  if (!known)
    in.warn("tunerd.logging.level: unknown level '" + level + "', using INFO");
  in.read({"tunerd.logging.format", "SIMPLETUNER_LOG_FORMAT"}, format);
  out.json_output = upper(format) == "JSON";
  in.read({"tunerd.logging.file", "SIMPLETUNER_LOG_FILE"}, out.file);
}

} // namespace tunerd::config
