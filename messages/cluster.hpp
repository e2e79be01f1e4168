#pragma once

#include "messages/context.hpp"

#include <caf/actor.hpp>
#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>

// What nodes that share a database say about who of them leads.

namespace tunerd {

/// What the store says of the lease.
struct lease_row {
  /// The incarnation of the node that has it; empty: nobody.
  std::string holder = {};
  /// How often it was taken.
  int64_t epoch = 0;
  /// How often it was touched.
  int64_t renewals = 0;

  bool operator==(const lease_row&) const = default;
};

/// What a node wants of the lease.
enum class lease_wish : uint8_t {
  /// Tell me how it is.
  look,
  /// Give it to me at the next epoch, if it still is as I know it.
  take,
  /// Raise its counter, if it is mine at my epoch.
  renew,
  /// Make it nobody's, if it is mine at my epoch.
  release,
};

/// What a node says of itself.
struct node_state {
  /// Chosen by people; one node each.
  std::string name = {};
  /// Names this run of it, and no other ever.
  std::string incarnation = {};
  /// Where its API is.
  std::string url = {};
};

/// Command: this node lives, and wishes that of the lease. Answered with
/// `lease_kept` after COMMIT; after an error it may have been done or not.
struct keep_lease {
  context ctx;
  node_state me;
  lease_wish wish = lease_wish::look;
  /// What it knew of the row when it asked; for `take`.
  lease_row known = {};
  /// For `renew` and `release`.
  int64_t epoch = 0;
  /// How long it is taken or renewed for.
  caf::timespan length = {};
};

/// Answer to `keep_lease`.
struct lease_kept {
  context ctx;
  /// How it is now.
  lease_row row = {};
  /// Whether it was taken, renewed or released.
  bool done = false;
  /// The name of the node that has it; empty: nobody.
  std::string holder_name = {};
  /// Where the API of that node is.
  std::string holder_url = {};
  /// Another process lives that has the same name.
  bool name_is_taken = false;
  /// Largest id of an event ever given.
  int64_t events_head = 0;
};

/// Event: the store refused a transaction of this node, since its lease at
/// `epoch` is over.
struct lease_refused {
  int64_t epoch = 0;
};

/// Event: this node leads now, or does not any more. Repeated all the time:
/// one that is lost delays.
struct role_changed {
  context ctx;
  bool leads = false;
  /// At which it leads.
  int64_t epoch = 0;
  /// Answers for the workers that only the leader has.
  caf::actor stand_in = {};
};

/// INTERNAL to the stand-in: who leads; an empty name: nobody that is known.
struct leader_known {
  std::string name = {};
  std::string url = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lease_row& x) {
  return f(caf::meta::type_name("lease_row"), x.holder, x.epoch, x.renewals);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, node_state& x) {
  return f(caf::meta::type_name("node_state"), x.name, x.incarnation, x.url);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, keep_lease& x) {
  return f(caf::meta::type_name("keep_lease"), x.ctx, x.me, x.wish, x.known,
           x.epoch, x.length);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lease_kept& x) {
  return f(caf::meta::type_name("lease_kept"), x.ctx, x.row, x.done,
           x.holder_name, x.holder_url, x.name_is_taken, x.events_head);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lease_refused& x) {
  return f(caf::meta::type_name("lease_refused"), x.epoch);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, role_changed& x) {
  return f(caf::meta::type_name("role_changed"), x.ctx, x.leads, x.epoch,
           x.stand_in);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, leader_known& x) {
  return f(caf::meta::type_name("leader_known"), x.name, x.url);
}

} // namespace tunerd
