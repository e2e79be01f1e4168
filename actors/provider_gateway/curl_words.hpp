#pragma once

#include <curl/curl.h>

#include <string_view>

// What libcurl would print to stderr goes to the log.

namespace tunerd {

/// @returns whether anybody wants to read it.
bool logs_curl_words() noexcept;

/// Writes what libcurl says of a call as DEBUG lines of the context in force:
/// its own words and the headers, one line each, without their secrets. Bodies
/// and TLS records are passed over.
/// @param bytes As given to CURLOPT_DEBUGFUNCTION.
void log_curl_words(curl_infotype kind, std::string_view bytes) noexcept;

} // namespace tunerd
