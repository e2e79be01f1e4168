#pragma once

#include <string>
#include <string_view>

// What may be said of URLs, headers and the errors of libraries that quote
// them. Pure; nothing of CAF.

namespace tunerd {

/// @returns whether the value of a header or URL parameter of this name is not
/// to be shown: it has token, secret, password, key, signature, credential,
/// authorization or cookie in it, or is a common short form. In any case, `-`
/// and `_` alike, percent escapes resolved.
bool names_secret_value(std::string_view name);

/// @returns `text` with `***` for each
///  * user and password in a URL, `https://***@host/`,
///  * value of a parameter that names a secret, `?token=***&page=2`,
///  * value of a header that names a secret, on a line of its own,
///  * credential after `Bearer` or `Basic`,
///  * name in `user '...'`, as libcurl tells whom it logs in.
/// The rest stays as it is, whatever it is. In doubt too much is hidden.
/// Linear.
std::string redacted(std::string_view text);

} // namespace tunerd
