#include "messages/fingerprint.hpp"

#include <nlohmann/json.hpp>
#include <openssl/sha.h>

#include <array>

namespace tunerd {

namespace {

using json = nlohmann::json;

bool holds_secret(const json& value) {
  return value.is_string()
         && value.get_ref<const std::string&>().find("${secret:")
              != std::string::npos;
}

/// Removes from `input` every value that stands where `stored` has a secret.
void remove_secrets(json& input, const json& stored) {
  if (input.is_object() && stored.is_object()) {
    for (const auto& [key, value] : stored.items()) {
      if (!input.contains(key))
        continue;
      if (holds_secret(value))
        input.erase(key);
      else
        remove_secrets(input[key], value);
    }
  } else if (input.is_array() && stored.is_array()) {
    for (size_t i = 0; i < std::min(input.size(), stored.size()); ++i) {
      if (holds_secret(stored[i]))
        input[i] = nullptr;
      else
        remove_secrets(input[i], stored[i]);
    }
  }
}

} // namespace

std::string fingerprint(const std::string& provider, const std::string& version,
                        const std::string& input,
                        const std::string& stored_body) {
  auto parsed = json::parse(input, nullptr, false);
  const auto stored = json::parse(stored_body, nullptr, false);
  if (parsed.is_discarded() || stored.is_discarded())
    return {};
  remove_secrets(parsed, stored);
  const auto colon = version.rfind(':');
  const auto bare
    = colon == std::string::npos ? version : version.substr(colon + 1);
  // nlohmann keeps keys sorted, so equal values give equal texts.
  return sha256_hex(
    provider + '\n' + bare + '\n'
    + parsed.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string sha256_hex(const std::string& bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         digest.data());
  std::string result;
  for (const auto byte : digest) {
    result += "0123456789abcdef"[byte >> 4];
    result += "0123456789abcdef"[byte & 15];
  }
  return result;
}

} // namespace tunerd
