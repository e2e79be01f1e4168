// What strangers send: the value of X-Correlation-ID, and texts on their way
// into the log. libFuzzer; TUNERD_BUILD_FUZZ=ON with clang, or
//
//     clang++-14 -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -I.
//       actors/support/correlation_id.cpp actors/support/redaction.cpp
//       tests/fuzz/correlation_fuzz.cpp -o correlation_fuzz

#include "actors/support/correlation_id.hpp"
#include "actors/support/redaction.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void require(bool condition) {
  if (!condition)
    std::abort();
}

/// Said once more, in other words.
bool may_be_sent_back(std::string_view id) {
  static constexpr std::string_view allowed
    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
  return !id.empty() && id.size() <= 128
         && id.find_first_not_of(allowed) == id.npos;
}

/// A secret has no room to hide in what strangers put in front of it.
void check_redaction(std::string_view text) {
  static constexpr std::array<std::string_view, 8> places{
    "\nAuthorization: Bearer ",
    "\nX-API-Key: ",
    "?token=",
    "&api_key=",
    " https://user:",
    " https://",
    " Bearer ",
    "\nSet-Cookie: a="};
  static constexpr std::string_view secret = "s3cr3t0123456789";
  tunerd::redacted(text);
  if (text.find(secret) != text.npos)
    return;
  const auto place = places[text.size() % places.size()];
  std::string leaky{text};
  leaky.append(place).append(secret);
  if (place.starts_with(" https"))
    leaky += "@host/";
  require(tunerd::redacted(leaky).find(secret) == std::string::npos);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(bytes), size};
  require(tunerd::is_correlation_id(text) == may_be_sent_back(text));
  tunerd::names_secret_value(text);
  check_redaction(text);
  return 0;
}
