#pragma once

#include "actors/store/connection.hpp"
#include "actors/store/store_settings.hpp"
#include "actors/support/actor.hpp"
#include "messages/cluster_interfaces.hpp"

namespace tunerd {

/// State of the LEASE STORE: a connection of its own, since a renewal must not
/// wait for the batches of the STORE, nor those for it.
struct lease_store_state {
  static inline constexpr const char* name = "lease-store";

  // -- data -------------------------------------------------------------------

  pointer<lease_store_actor, lease_store_state> self;
  outside world;
  std::shared_ptr<sql::connection> db;

  // -- handlers ---------------------------------------------------------------

  caf::result<lease_kept> keep(const keep_lease& command);
};

/// Spawn function of the LEASE STORE. Blocks on the database, for at most some
/// seconds: to be run detached.
/// @throws sql::database_error if it cannot open its connection.
lease_store_actor::behavior_type
lease_store(pointer<lease_store_actor, lease_store_state> self,
            store_settings settings);

} // namespace tunerd
