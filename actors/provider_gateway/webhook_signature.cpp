#include "actors/provider_gateway/webhook_signature.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>

namespace tunerd {

namespace {

constexpr size_t id_bytes_max = 256;
constexpr size_t secret_bytes_max = 1024;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// Everything up to the year 5138, and no number that would overflow.
std::optional<std::chrono::seconds> read_seconds(const std::string& text) {
  int64_t count = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, err] = std::from_chars(text.data(), end, count);
  if (err != std::errc{} || rest != end || count < 0 || count > 99'999'999'999)
    return std::nullopt;
  return std::chrono::seconds{count};
}

/// @returns the signature of version 1, base64 with padding.
std::string signature_of(const std::string& key, const std::string& content) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           bytes(content), content.size(), mac.data(), &size)
      == nullptr)
    return {};
  std::array<unsigned char, 4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1> text{};
  const auto length
    = EVP_EncodeBlock(text.data(), mac.data(), static_cast<int>(size));
  return {text.begin(), text.begin() + length};
}

bool equals(std::string_view left, const std::string& right) {
  return left.size() == right.size() && !right.empty()
         && CRYPTO_memcmp(left.data(), right.data(), right.size()) == 0;
}

} // namespace

std::optional<std::string> webhook_key(std::string_view secret) {
  constexpr std::string_view prefix = "whsec_";
  if (secret.starts_with(prefix))
    secret.remove_prefix(prefix.size());
  const size_t padding
    = secret.ends_with("==") ? 2 : (secret.ends_with('=') ? 1 : 0);
  // To the decoder padding is zeros, wherever it stands.
  if (secret.empty() || secret.size() % 4 != 0
      || secret.size() > secret_bytes_max
      || secret.find('=') < secret.size() - padding)
    return std::nullopt;
  std::string key(secret.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(key.data()),
                      bytes(secret), static_cast<int>(secret.size()))
      < 0)
    return std::nullopt;
  key.resize(key.size() - padding);
  return key;
}

std::string signature_mistake(const http_headers& headers, timestamp now,
                              std::chrono::seconds tolerance) {
  const auto id = header(headers, "webhook-id");
  // A full stop ends the id in what is signed: with one in it, another split
  // of the same bytes would have the same signature.
  if (id.empty() || id.size() > id_bytes_max
      || id.find('.') != std::string::npos)
    return "webhook-id is missing or malformed";
  if (header(headers, "webhook-signature").empty())
    return "webhook-signature is missing";
  const auto sent = read_seconds(header(headers, "webhook-timestamp"));
  if (!sent)
    return "webhook-timestamp is missing or malformed";
  const auto age
    = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()) - *sent;
  if (age > tolerance || age < -tolerance)
    return "webhook-timestamp is too far from now";
  return {};
}

bool is_signed_by(const std::string& key, const http_headers& headers,
                  std::string_view body) {
  constexpr std::string_view version = "v1,";
  const auto expected = signature_of(
    key, header(headers, "webhook-id") + "."
           + header(headers, "webhook-timestamp") + "." + std::string{body});
  const auto list = header(headers, "webhook-signature");
  bool found = false;
  for (std::string_view rest{list}; !rest.empty();) {
    const auto blank = std::min(rest.find(' '), rest.size());
    const auto one = rest.substr(0, blank);
    rest.remove_prefix(std::min(blank + 1, rest.size()));
    if (one.starts_with(version))
      found = equals(one.substr(version.size()), expected) || found;
  }
  return found;
}

} // namespace tunerd
