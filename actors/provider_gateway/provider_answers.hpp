#pragma once

#include "messages/error.hpp"
#include "messages/http.hpp"
#include "messages/providers.hpp"

#include <optional>

// What the answers of any provider mean by their status. Pure; never throws,
// whatever the answer is.

namespace tunerd {

/// @returns whether `status` is 2xx.
bool is_success(int status);

/// @returns what a query's or cancellation's answer failed with; no error if
/// its status is 2xx. The text is the provider's: `detail`, `message`, `error`
/// or `title`.
caf::error provider_failure(const http_response& response);

/// Decides what became of a submission, see DESIGN 5.3.
/// @param seen What a 2xx answer says of the job; none if it cannot be read.
/// @param now Time of day.
submission_outcome outcome_of(const http_response& response,
                              const std::optional<provider_job>& seen,
                              timestamp now);

/// @returns the wait that Retry-After (seconds or a date) or "... resets in
/// ~30s." in `detail` asks for, at most a day; 0 if there is none.
caf::timespan asked_wait(const http_response& response, timestamp now);

} // namespace tunerd
