#include "actors/provider_gateway/json_text.hpp"

namespace tunerd {

namespace {

using json = nlohmann::json;

constexpr int depth_max = 100;

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

/// Counts brackets outside of texts; exact for valid JSON, and what is not
/// valid is refused anyway.
bool nests_too_deep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '{' || c == '[') && ++depth > depth_max)
      return true;
    else if (!quoted && (c == '}' || c == ']'))
      --depth;
  }
  return false;
}

} // namespace

std::optional<json> parse_json(std::string_view text) {
  if (nests_too_deep(text))
    return std::nullopt;
  auto result = json::parse(text, nullptr, false);
  if (result.is_discarded())
    return std::nullopt;
  return result;
}

std::string json_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

const json& member(const json& object, const char* key) {
  static const json none;
  if (!object.is_object())
    return none;
  const auto i = object.find(key);
  return i == object.end() ? none : *i;
}

std::string text_member(const json& object, const char* key) {
  const auto& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

std::string shortened(std::string text, size_t bytes_max) {
  if (text.size() <= bytes_max)
    return text;
  while (bytes_max > 0 && continues_character(text[bytes_max]))
    --bytes_max;
  text.resize(bytes_max);
  return text;
}

std::string last_lines(std::string text, size_t bytes_max) {
  if (text.size() <= bytes_max)
    return text;
  auto begin = text.size() - bytes_max;
  // A line break just before the last bytes makes them whole lines as they are.
  const auto end = text.find('\n', begin - 1);
  if (end != std::string::npos && end + 1 < text.size())
    begin = end + 1;
  while (begin < text.size() && continues_character(text[begin]))
    ++begin;
  return text.erase(0, begin);
}

} // namespace tunerd
