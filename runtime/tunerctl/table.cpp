#include "runtime/tunerctl/table.hpp"

#include "runtime/tunerctl/session.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace tunerd::tunerctl {

std::string cell(const nlohmann::json& value) {
  if (value.is_null())
    return "-";
  auto text
    = harmless(value.is_string() ? value.get<std::string>() : value.dump(), "");
  return text.empty() ? "-" : text;
}

namespace {

/// @returns how many characters `text` takes on a terminal, as far as each
/// takes one.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(
    std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

/// @returns the colour that says how something is; "" for the usual one.
std::string_view colour_of(const std::string& state) {
  constexpr std::array good{"running", "completed", "approved", "closed"};
  constexpr std::array bad{"failed", "rejected", "expired", "open", "stopped"};
  constexpr std::array waits{"pending", "blocked", "half_open", "restarting"};
  const auto has = [&state](const auto& words) {
    return std::find(words.begin(), words.end(), state) != words.end();
  };
  return has(good)    ? "\033[32m"
         : has(bad)   ? "\033[31m"
         : has(waits) ? "\033[33m"
                      : "";
}

using lines = std::vector<std::vector<std::string>>;

std::vector<size_t> widths_of(const lines& all) {
  std::vector<size_t> result(all[0].size());
  for (const auto& line : all)
    for (size_t i = 0; i < line.size(); ++i)
      result[i] = std::max(result[i], width_of(line[i]));
  return result;
}

} // namespace

std::string render_table(const std::vector<column>& columns,
                         const nlohmann::json& rows, bool colour) {
  lines all(1);
  for (const auto& c : columns)
    all[0].push_back(c.title);
  for (const auto& row : rows) {
    auto& line = all.emplace_back();
    for (const auto& c : columns)
      line.push_back(cell(row.value(c.field, nlohmann::json{})));
  }
  const auto widths = widths_of(all);
  std::string result;
  for (const auto& line : all) {
    for (size_t i = 0; i < line.size(); ++i) {
      const auto on = !colour               ? std::string_view{}
                      : &line == &all[0]    ? std::string_view{"\033[1m"}
                      : columns[i].is_state ? colour_of(line[i])
                                            : std::string_view{};
      result.append(on).append(line[i]).append(on.empty() ? "" : "\033[0m");
      if (i + 1 < line.size())
        result.append(widths[i] - width_of(line[i]) + 2, ' ');
    }
    result += '\n';
  }
  return result;
}

std::string render_object(const nlohmann::json& object) {
  size_t width = 0;
  for (const auto& [key, value] : object.items())
    width = std::max(width, key.size());
  std::string result;
  for (const auto& [key, value] : object.items())
    result
      += key + std::string(width - key.size() + 2, ' ') + cell(value) + "\n";
  return result;
}

} // namespace tunerd::tunerctl
