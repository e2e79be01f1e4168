#include "actors/provider_gateway/secrets.hpp"

#include "actors/provider_gateway/json_text.hpp"
#include "messages/error.hpp"

#include <algorithm>

namespace tunerd {

namespace {

using json = nlohmann::json;

constexpr std::string_view opening = "${secret:";
constexpr std::string_view name_characters
  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/// Goes through a body and keeps the first mistake.
struct resolver {
  const secret_source& source;
  std::vector<std::string> secrets = {};
  std::string mistake = {};

  void resolve(json& value) {
    if (value.is_string())
      value = resolved(value.get_ref<const std::string&>());
    else if (value.is_structured())
      for (auto& element : value)
        resolve(element);
  }

  std::string resolved(const std::string& text) {
    std::string result;
    size_t done = 0;
    for (auto at = text.find(opening); at != std::string::npos;
         at = text.find(opening, done)) {
      const auto name_at = at + opening.size();
      const auto end = std::min(
        text.find_first_not_of(name_characters, name_at), text.size());
      if (end == name_at || end == text.size() || text[end] != '}') {
        mistake = "input: want ${secret:NAME} with A-Z, 0-9 and _";
        return {};
      }
      result.append(text, done, at - done);
      result += look_up(text.substr(name_at, end - name_at));
      done = end + 1;
    }
    return result.append(text, done);
  }

  std::string look_up(const std::string& name) {
    auto value = source ? source(name) : std::nullopt;
    if (!value) {
      mistake = "input: no secret is called " + name;
      return {};
    }
    secrets.push_back(*value);
    return *value;
  }
};

} // namespace

bool names_secret(const std::string& text) {
  return text.find(opening) != std::string::npos;
}

caf::expected<resolved_body> resolve_secrets(const std::string& body,
                                             const secret_source& source) {
  auto value = parse_json(body);
  if (!value)
    return make_error(ec::validation_error, "input: not JSON");
  resolver all{source};
  all.resolve(*value);
  if (!all.mistake.empty())
    return make_error(ec::validation_error, all.mistake);
  return resolved_body{json_text(*value), std::move(all.secrets)};
}

std::string without_secrets(std::string text,
                            const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets)
    for (auto at = text.find(secret);
         !secret.empty() && at != std::string::npos; at = text.find(secret, at))
      text.replace(at, secret.size(), "***"), at += 3;
  return text;
}

} // namespace tunerd
