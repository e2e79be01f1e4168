#pragma once

#include "messages/http.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

// Signatures of deliveries (REFERENCE 5). Pure; nothing here throws, whatever
// the sender wrote.

namespace tunerd {

/// @returns the key in `secret`, base64 with or without "whsec_"; none if it is
/// not that, or shorter than a byte.
std::optional<std::string> webhook_key(std::string_view secret);

/// @returns what is wrong with the headers of a delivery before any key is
/// needed, for people; empty if nothing: one is missing or malformed, or the
/// delivery is older or newer than `tolerance`.
std::string signature_mistake(const http_headers& headers, timestamp now,
                              std::chrono::seconds tolerance);

/// @param body The bytes as received.
/// @returns whether one of the signatures of version 1 in `headers` is that of
/// the delivery. Takes the same time wherever a signature is wrong. Judges no
/// time: see `signature_mistake`.
bool is_signed_by(const std::string& key, const http_headers& headers,
                  std::string_view body);

} // namespace tunerd
