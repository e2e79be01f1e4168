#pragma once

#include "actors/provider_gateway/hardware_profile.hpp"
#include "messages/webhooks.hpp"

#include <caf/expected.hpp>

namespace tunerd {

/// What a delivery's body says: a prediction, or an event of the trainer
/// (`type` or `event_type` with `prediction_id` or `job_id`). Pure; believes
/// the body and looks at no header.
/// @returns `validation_error` if the body is no JSON or names no job.
caf::expected<webhook_read> read_replicate_delivery(const read_webhook& query,
                                                    const gpu_rates& rates);

} // namespace tunerd
