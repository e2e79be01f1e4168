#include "actors/provider_gateway/url.hpp"

#include <algorithm>

namespace tunerd {

namespace {

std::string lower(std::string_view text) {
  std::string result{text};
  for (auto& c : result)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

/// Blanks and control characters; a backslash is a slash to some parsers only.
bool has_trap(std::string_view url) {
  return std::any_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == 127 || c == '\\';
  });
}

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
         || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

int hex_digit(char c) {
  const auto x = static_cast<char>(c | 0x20);
  return c >= '0' && c <= '9'   ? c - '0'
         : x >= 'a' && x <= 'f' ? x - 'a' + 10
                                : -1;
}

/// @returns a name in a query as its reader sees it; a broken escape stays.
std::string unescaped(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto high
      = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const auto low = high < 0 ? -1 : hex_digit(text[i + 2]);
    if (low < 0) {
      result += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return result;
}

} // namespace

std::string origin_of(std::string_view url) {
  const auto colon = url.find("://");
  if (colon == std::string_view::npos || has_trap(url))
    return {};
  const auto scheme = lower(url.substr(0, colon));
  if (scheme != "http" && scheme != "https")
    return {};
  url.remove_prefix(colon + 3);
  auto host = lower(url.substr(0, url.find_first_of("/?#")));
  if (host.empty() || host.find('@') != std::string::npos)
    return {};
  if (host.find(':', host.find(']') + 1) == std::string::npos)
    host += scheme == "http" ? ":80" : ":443";
  return scheme + "://" + host;
}

std::string escaped_segment(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(c) || c == '~')
      result += c;
    else
      result.append(
        {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]});
  }
  return result;
}

std::string with_default_path(std::string url, const std::string& path) {
  const auto colon = url.find("://");
  if (colon == std::string::npos)
    return url;
  const auto end = std::min(url.find_first_of("/?#", colon + 3), url.size());
  if (end == url.size() || url[end] != '/')
    return url.insert(end, path);
  const auto behind = url.substr(end + 1, 1);
  if (behind.empty() || behind == "?" || behind == "#")
    url.replace(end, 1, path);
  return url;
}

std::string with_parameter(std::string_view url, std::string_view name,
                           std::string_view value) {
  const auto fragment = url.substr(std::min(url.find('#'), url.size()));
  url.remove_suffix(fragment.size());
  const auto mark = std::min(url.find('?'), url.size());
  std::string result{url.substr(0, mark)};
  result += '?';
  for (auto rest = url.substr(std::min(mark + 1, url.size())); !rest.empty();) {
    const auto part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    if (!part.empty() && unescaped(part.substr(0, part.find('='))) != name)
      result.append(part).append("&");
  }
  result.append(name).append("=").append(escaped_segment(value));
  return result.append(fragment);
}

} // namespace tunerd
