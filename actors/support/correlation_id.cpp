#include "actors/support/correlation_id.hpp"

#include <algorithm>

namespace tunerd {

namespace {

/// Not isalnum: that depends on the locale.
bool is_allowed(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
         || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == ':'
         || c == '-';
}

} // namespace

bool is_correlation_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= correlation_id_bytes_max
         && std::all_of(text.begin(), text.end(), is_allowed);
}

} // namespace tunerd
