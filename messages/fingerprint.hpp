#pragma once

#include <string>

namespace tunerd {

/// Tells whether two submissions are the same work: a hash over provider,
/// model version (without "owner/model:") and the canonical input, leaving
/// out what stands where `stored_body` has a `${secret:NAME}`.
/// @param input JSON text as sent or as the provider lists it.
/// @param stored_body JSON text as we keep it; the same as `input` when our
/// own submission is fingerprinted.
/// @returns 64 hex digits, or "" if `input` is not JSON.
std::string fingerprint(const std::string& provider, const std::string& version,
                        const std::string& input,
                        const std::string& stored_body);

/// @returns SHA-256 of `bytes` as 64 hex digits.
std::string sha256_hex(const std::string& bytes);

} // namespace tunerd
