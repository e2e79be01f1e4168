#pragma once

#include "actors/provider_gateway/provider_settings.hpp"
#include "actors/provider_gateway/secrets.hpp"
#include "messages/error.hpp"
#include "messages/providers.hpp"

#include <caf/expected.hpp>

#include <string_view>

namespace tunerd {

/// @returns whether `version` is "owner/model" without the version's hash.
bool names_model_only(std::string_view version);

/// Turns a submission into what Replicate wants: its raw input as it is, or a
/// configuration as input of the trainer. Secrets stay references; `HF_TOKEN`
/// is added to a trainer's input as one if it exists.
///
/// The profile is the request's, else that of the trainer whose version is
/// asked for, else the one of the settings. A version of another trainer than
/// the profile's is refused, since the job would run on other hardware than its
/// cost says.
/// Without any version a configuration gets the trainer of its profile, as
/// "owner/model": it cannot be sent before its version is known.
/// @returns `validation_error` naming the field.
caf::expected<job_prepared>
prepare_replicate_job(const prepare_job& request,
                      const provider_settings& settings,
                      const secret_source& secrets);

} // namespace tunerd
