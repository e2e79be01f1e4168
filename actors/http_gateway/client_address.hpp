#pragma once

#include "config/auth.hpp"
#include "messages/http.hpp"

#include <string>

namespace tunerd::rest {

/// @returns the address that a request counts for: the peer's, unless it is a
/// trusted proxy whose X-Forwarded-For counts: then the right-most hop there
/// that is no trusted proxy, or the left-most one if all are. Canonical, so
/// that one client has one name; "" if a trusted proxy names what is no
/// address, which belongs to no network.
std::string client_address(const config::auth& rules, const std::string& peer,
                           const http_headers& headers);

} // namespace tunerd::rest
