#pragma once

#include <caf/expected.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

// `${secret:NAME}` in a submission: kept as written, replaced only in what is
// sent. NAME is one or more of A-Z, 0-9 and _.

namespace tunerd {

/// @returns the secret of that name, or none. Does not block; callable from
/// any thread.
using secret_source
  = std::function<std::optional<std::string>(const std::string&)>;

/// A body whose secrets stand in clear: for the wire only, never for a log.
struct resolved_body {
  /// JSON text.
  std::string body;
  /// The secrets that stand in it.
  std::vector<std::string> secrets = {};
};

/// @returns whether `text` has anything that begins like a reference.
bool names_secret(const std::string& text);

/// Replaces the references in all text values of `body`, not in keys.
/// @param body JSON text.
/// @returns the resolved body, or `validation_error` naming the reference that
/// is malformed or unknown.
caf::expected<resolved_body> resolve_secrets(const std::string& body,
                                             const secret_source& source);

/// @returns `text` with every one of `secrets` written as `***`.
std::string without_secrets(std::string text,
                            const std::vector<std::string>& secrets);

} // namespace tunerd
