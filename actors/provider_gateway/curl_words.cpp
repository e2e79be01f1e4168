#include "actors/provider_gateway/curl_words.hpp"

#include "actors/support/log.hpp"
#include "actors/support/redaction.hpp"

#include <exception>
#include <string>

namespace tunerd {

namespace {

/// Below the calls themselves, so that it can be switched on and off alone.
constexpr logger log{"simpletuner.cloud.http.curl"};
constexpr size_t line_bytes_max = 1024;

/// Calls `write` with each line that is not empty, redacted.
template <class Write>
void each_line(std::string_view bytes, Write write) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    auto line = bytes.substr(0, end);
    bytes.remove_prefix(end == bytes.npos ? bytes.size() : end + 1);
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    // A header's name must be seen to be judged: cut afterwards.
    if (!line.empty())
      write(redacted(line).substr(0, line_bytes_max));
  }
}

} // namespace

bool logs_curl_words() noexcept {
  return log.enabled(log_level::debug);
}

void log_curl_words(curl_infotype kind, std::string_view bytes) noexcept try {
  if (kind == CURLINFO_TEXT)
    each_line(bytes, [](const auto& x) { log.debug("libcurl: {}", x); });
  else if (kind == CURLINFO_HEADER_OUT)
    each_line(bytes, [](const auto& x) { log.debug("libcurl sent: {}", x); });
  else if (kind == CURLINFO_HEADER_IN)
    each_line(bytes, [](const auto& x) { log.debug("libcurl got: {}", x); });
} catch (const std::exception&) {
  // No memory for a line: libcurl is written in C.
}

} // namespace tunerd
