#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

// Reading JSON that anybody may have sent: wrong types and ranges throw
// std::invalid_argument with the name of the field.

namespace tunerd::simulated {

/// @returns `text` as JSON, nested at most 100 deep: printing is recursive.
inline nlohmann::json parse_json(const std::string& text) {
  const auto shallow = [](int depth, auto, const auto&) {
    if (depth > 100)
      throw std::invalid_argument{"nested too deeply"};
    return true;
  };
  try {
    return nlohmann::json::parse(text, shallow);
  } catch (const nlohmann::json::exception& e) {
    throw std::invalid_argument{e.what()};
  }
}

/// @returns `value` as text; bad UTF-8 becomes U+FFFD.
inline std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

inline int64_t read_integer(const nlohmann::json& in, const std::string& name,
                            int64_t fallback, int64_t low, int64_t high) {
  const auto found = in.find(name);
  if (found == in.end())
    return fallback;
  if (!found->is_number_integer() || *found < low || *found > high)
    throw std::invalid_argument{name + ": want an integer from "
                                + std::to_string(low) + " to "
                                + std::to_string(high)};
  return found->get<int64_t>();
}

inline bool read_bool(const nlohmann::json& in, const std::string& name) {
  const auto found = in.find(name);
  if (found == in.end())
    return false;
  if (!found->is_boolean())
    throw std::invalid_argument{name + ": want true or false"};
  return found->get<bool>();
}

inline std::string read_text(const nlohmann::json& in, const std::string& name,
                             const std::string& fallback) {
  const auto found = in.find(name);
  if (found == in.end())
    return fallback;
  if (!found->is_string())
    throw std::invalid_argument{name + ": want a text"};
  return found->get<std::string>();
}

/// Throws unless `in` is an object.
inline void require_object(const nlohmann::json& in, const std::string& name) {
  if (!in.is_object())
    throw std::invalid_argument{name + ": want an object"};
}

/// Throws if `in` has a key that is not among `known`: a typing error would
/// else go unnoticed.
inline void require_known(const nlohmann::json& in,
                          std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : in.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw std::invalid_argument{key + ": unknown key"};
}

} // namespace tunerd::simulated
