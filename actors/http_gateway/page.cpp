#include "actors/http_gateway/page.hpp"

#include <algorithm>

namespace tunerd::rest {

namespace {

constexpr const char* content_security_policy
  = "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; "
    // Text that would be parsed as markup throws instead.
    "require-trusted-types-for 'script'; trusted-types 'none'";

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == text.npos)
    return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

} // namespace

const page_file* find_page_file(std::string_view name) {
  const auto& files = page_files();
  const auto i = std::find_if(files.begin(), files.end(),
                              [name](const auto& x) { return x.name == name; });
  return i == files.end() ? nullptr : &*i;
}

bool names_etag(std::string_view if_none_match, std::string_view etag) {
  if (trimmed(if_none_match) == "*")
    return true;
  while (!if_none_match.empty()) {
    const auto end = std::min(if_none_match.find(','), if_none_match.size());
    auto known = trimmed(if_none_match.substr(0, end));
    if (known.starts_with("W/"))
      known.remove_prefix(2);
    if (known == etag)
      return true;
    if_none_match.remove_prefix(std::min(end + 1, if_none_match.size()));
  }
  return false;
}

http_reply to_reply(const page_file& file, const std::string& if_none_match,
                    const std::string& correlation_id) {
  http_reply out{.content_type = std::string{file.content_type},
                 .headers
                 = {{"X-Correlation-ID", correlation_id},
                    {"ETag", std::string{file.etag}},
                    {"Cache-Control", "no-cache"},
                    {"Content-Security-Policy", content_security_policy},
                    {"X-Content-Type-Options", "nosniff"},
                    {"X-Frame-Options", "DENY"},
                    {"Referrer-Policy", "no-referrer"},
                    {"Cross-Origin-Opener-Policy", "same-origin"},
                    {"Cross-Origin-Resource-Policy", "same-origin"}}};
  if (names_etag(if_none_match, file.etag))
    out.status = 304;
  else
    out.body = file.content;
  return out;
}

} // namespace tunerd::rest
