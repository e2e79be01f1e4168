#pragma once

#include "actors/cluster/leadership.hpp"
#include "actors/cluster/lease.hpp"
#include "actors/support/actor.hpp"
#include "actors/support/clocks.hpp"
#include "messages/cluster_interfaces.hpp"

#include <memory>

namespace tunerd {

/// Who this node is, and how it leads.
struct cluster_settings {
  node_state me;
  lease_rules rules = {};
  /// How long the store may take to answer, which is never waited for by those
  /// that trust the lease.
  caf::timespan store_timeout = std::chrono::seconds{3};
  /// At a clean stop: who is to lead next need not wait for longer.
  caf::timespan release_timeout = std::chrono::seconds{1};
  /// Told first, before anybody acts.
  std::shared_ptr<leadership> lead;
  random_source random;
};

/// State of the CLUSTER: what this node knows of the lease (lease.hpp), and
/// what it has told others.
struct cluster_state {
  static inline constexpr const char* name = "cluster";

  // -- data (self first, or CAF initialises another member with it) -----------

  pointer<cluster_actor, cluster_state> self;
  cluster_settings settings;
  lease_store_actor store;
  role_listener_actor listener;
  std::vector<event_listener_actor> event_listeners;
  lease own = lease{{}, {}};
  caf::actor substitute = {};
  /// Of the present role.
  context ctx = {};
  /// What was said last.
  bool leads = false;
  /// Who leads; an empty name: nobody, or nobody knows.
  leader_known leader = {};
  /// Of the event log, as others were told; none at first.
  std::optional<int64_t> head = {};
  bool failing = false;
  bool has_twin = false;
  bool stopping = false;
  /// Of the timer that counts; older ones are ignored.
  uint64_t generation = 0;

  // -- handlers, in the order of the interface --------------------------------

  void refused(const lease_refused& x);

  void on_tick(const tick& x);

  /// Gives the lease back, then ends.
  void stop(caf::error reason);

  // -- steps ------------------------------------------------------------------

  /// Asks what is due, says what has changed, sets the timer.
  void turn();
  void ask_store(lease_wish wish);
  void take(const lease_kept& x);
  void fail(const caf::error& err);

  void tell_role();
  void tell_role_listener();
  void note_leader(const lease_kept& x);
  /// Other nodes append events, too.
  void note_events(int64_t found);
  void note_twin(bool found);
  void arm();

  keep_lease command(lease_wish wish) const;
};

/// Spawn function of the CLUSTER. Wants the lease from the first moment on; an
/// exit message lets it give the lease back first.
/// @param listener Told the role of this node, again and again.
/// @param event_listeners Told within a second of what other nodes do.
cluster_actor::behavior_type
cluster(pointer<cluster_actor, cluster_state> self, cluster_settings settings,
        lease_store_actor store, role_listener_actor listener,
        std::vector<event_listener_actor> event_listeners);

} // namespace tunerd
