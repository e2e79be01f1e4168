#pragma once

#include "messages/jobs.hpp"

#include <span>
#include <string_view>
#include <utility>

namespace tunerd {

/// How one provider calls a status, in lower case, and what we call it.
using status_name = std::pair<std::string_view, job_status>;

/// @returns what `raw` means: trimmed and lower-cased it is looked up in the
/// provider's `map`, then among our own names, then among the usual aliases.
/// None if nobody knows it: then nothing may change.
caf::optional<job_status> normalise_status(std::string_view raw,
                                           std::span<const status_name> map);

} // namespace tunerd
