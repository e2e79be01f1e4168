#pragma once

#include "actors/http_gateway/target.hpp"
#include "messages/dispatch.hpp"

#include <string>
#include <vector>

// Which attempt a delivery tells of whose external id nobody knows (REFERENCE
// 5). Pure.
//
// Problem: the URL of a webhook names the job that was submitted, but nobody
// signs the URL: whoever submits may have written it. So it only says where to
// look; what the signed body shows must be what that attempt has sent.

namespace tunerd {

/// @returns the job that the query of a webhook's URL names; empty if none.
std::string job_named_in(const rest::query& parameters);

/// @param attempts All of one job that are open or watched.
/// @param seen What a signed delivery says, with its input.
/// @returns the attempt that `seen` comes from, or null: it is in doubt without
/// an external id, and version and input of `seen` are those of its submission.
/// While another attempt of the job is watched nobody can tell whose it is.
const open_attempt* attempt_behind(const std::vector<open_attempt>& attempts,
                                   const std::string& provider,
                                   const provider_job& seen);

} // namespace tunerd
