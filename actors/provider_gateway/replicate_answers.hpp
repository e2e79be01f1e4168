#pragma once

#include "actors/provider_gateway/hardware_profile.hpp"
#include "actors/provider_gateway/json_text.hpp"
#include "messages/error.hpp"
#include "messages/http.hpp"
#include "messages/providers.hpp"

#include <caf/expected.hpp>

#include <optional>

// What Replicate's answers mean. Pure; never throws, whatever the answer is.

namespace tunerd {

/// @param hardware_profile Decides the rate of the cost; if empty, the model
/// that the prediction names does. Neither known: no cost.
/// @returns all but input and logs; none if `prediction` is no object with an
/// id.
std::optional<provider_job> read_prediction(const nlohmann::json& prediction,
                                            const std::string& hardware_profile,
                                            const gpu_rates& rates);

/// @returns its input as JSON text; empty if the provider has removed it.
std::string read_prediction_input(const nlohmann::json& prediction);

/// @returns the end of its log output, at most 1 MiB of whole lines; empty if
/// it has none or the provider has removed it.
std::string read_prediction_logs(const nlohmann::json& prediction);

/// @param body Answer to a listing.
/// @returns none unless it is a list in which every entry can be read; a
/// listing with holes would decide attempts in doubt wrongly.
std::optional<provider_job_page> read_predictions(const std::string& body,
                                                  const gpu_rates& rates);

/// @param response To the question for the versions of `model`.
/// @returns "owner/model:id" of the newest one; `validation_error` if there is
/// no such model or it has none.
caf::expected<std::string>
read_replicate_versions(const http_response& response,
                        const std::string& model);

/// Decides what became of a submission, see DESIGN 5.3.
/// @param now Time of day.
submission_outcome read_replicate_submission(const http_response& response,
                                             const gpu_rates& rates,
                                             timestamp now);

} // namespace tunerd
