#include "runtime/tunerctl/table.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace tunerd::tunerctl {

std::string cell(const nlohmann::json& value) {
  if (value.is_null())
    return "-";
  auto text = value.is_string() ? value.get<std::string>() : value.dump();
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
      c = ' ';
  return text.empty() ? "-" : text;
}

std::string render_table(const std::vector<column>& columns,
                         const nlohmann::json& rows) {
  std::vector<std::vector<std::string>> lines(1);
  for (const auto& c : columns)
    lines[0].push_back(c.title);
  for (const auto& row : rows) {
    auto& line = lines.emplace_back();
    for (const auto& c : columns)
      line.push_back(cell(row.value(c.field, nlohmann::json{})));
  }
  std::string result;
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      size_t width = 0;
      for (const auto& other : lines)
        width = std::max(width, other[i].size());
      result += line[i];
      if (i + 1 < line.size())
        result.append(width - line[i].size() + 2, ' ');
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
