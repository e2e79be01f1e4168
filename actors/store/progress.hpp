#pragma once

#include "actors/store/transaction.hpp"
#include "messages/providers.hpp"

#include <caf/expected.hpp>

namespace tunerd::sql {

/// Applies what the provider of `before` says about it: the one transition
/// behind polls and webhooks. Keeps the logs of a job that is over.
/// @pre before.external_id is seen.external_id, if `seen` names one
caf::expected<status_applied> apply_seen(transaction& tx, const context& ctx,
                                         const job& before,
                                         const provider_job& seen,
                                         change_source source);

} // namespace tunerd::sql
