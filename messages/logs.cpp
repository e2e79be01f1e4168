#include "messages/log_level.hpp"

#include <algorithm>
#include <array>

namespace tunerd {

namespace {

constexpr std::array<std::string_view, 5> names{"DEBUG", "INFO", "WARNING",
                                                "ERROR", "CRITICAL"};

char upper(char x) {
  return x >= 'a' && x <= 'z' ? static_cast<char>(x - ('a' - 'A')) : x;
}

} // namespace

std::string to_string(log_level level) {
  return std::string{names.at(static_cast<size_t>(level))};
}

std::optional<log_level> parse_log_level(std::string_view text) {
  for (size_t i = 0; i < names.size(); ++i)
    if (std::equal(text.begin(), text.end(), names[i].begin(), names[i].end(),
                   [](char x, char y) { return upper(x) == y; }))
      return static_cast<log_level>(i);
  return std::nullopt;
}

} // namespace tunerd
