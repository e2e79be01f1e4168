#pragma once

#include "config/auth.hpp"

#include <string>

namespace tunerd::config {

/// @returns whether who was let in by `before` is let in by `after`, too, and
/// as the same caller. What changed for others does not count.
/// @param token Name of the token that let it in; empty for none.
bool keeps_access(const auth& before, const auth& after,
                  const std::string& token);

} // namespace tunerd::config
