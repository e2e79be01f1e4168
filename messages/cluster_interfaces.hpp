#pragma once

#include "messages/cluster.hpp"
#include "messages/interfaces.hpp"

// The protocols of those that decide who leads. Apart from interfaces.hpp,
// since few need them.

// A second list, behind the room of the first. Append only.
CAF_BEGIN_TYPE_ID_BLOCK(tunerd_cluster, caf::first_custom_type_id + 1'000)

  CAF_ADD_TYPE_ID(tunerd_cluster, (tunerd::keep_lease))
  CAF_ADD_TYPE_ID(tunerd_cluster, (tunerd::lease_kept))
  CAF_ADD_TYPE_ID(tunerd_cluster, (tunerd::lease_refused))
  CAF_ADD_TYPE_ID(tunerd_cluster, (tunerd::role_changed))
  CAF_ADD_TYPE_ID(tunerd_cluster, (tunerd::leader_known))

CAF_END_TYPE_ID_BLOCK(tunerd_cluster)

namespace tunerd {

/// The LEASE STORE: the lease and the nodes, on a connection that waits for
/// nobody's batch.
using lease_store_actor
  = caf::typed_actor<caf::replies_to<keep_lease>::with<lease_kept>>;

/// A ROLE LISTENER: whoever starts and ends what only the leader does.
using role_listener_actor = caf::typed_actor<
  // Idempotent: only another role or epoch changes something.
  caf::reacts_to<role_changed>>;

/// The CLUSTER: keeps this node in the list of nodes, and its lease if it has
/// it.
using cluster_actor = caf::typed_actor<
  // The lease is over if it is of the epoch at hand.
  caf::reacts_to<lease_refused>,
  // INTERNAL: something is to be asked, or the trust is over.
  caf::reacts_to<tick>>;

} // namespace tunerd
